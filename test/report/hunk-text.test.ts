import assert from "node:assert/strict";
import { test } from "node:test";
import { isChangeBehind, MAX_HUNK_LINES, quotedRange } from "../../src/report/hunk-text.ts";

const header = "@@ -1,9 +1,9 @@";
/** One character a line: " ", "-" or "+"; "!" is the context line that is meant. */
function hunkOf(shape: string) {
  const lines = [...shape].map((kind, i) => `${kind === "!" ? " " : kind}${i}`);
  return { header, lines, after: Math.max(0, shape.indexOf("!")) };
}

/** What of the hunk is quoted. */
function shown(shape: string, from = 0, isLast = true): string {
  const { start, end } = quotedRange(hunkOf(shape), from, isLast);
  return shape.slice(start, end);
}

test("a quote goes on to a change that stands behind the line, and stops at the line where the change was seen", () => {
  assert.equal(shown("  !  --++      "), "  !  --++");
  assert.equal(shown("  !  --++   "), "  !  --++   ", "what ends soon is quoted whole");
  assert.equal(shown(" ++!      "), " ++!");
  assert.equal(shown(" -!    +++++ "), " -!", "the change in front was seen");
  assert.equal(shown("! ++ ", 0, false), "!", "the next finding under it shows it");
  assert.equal(shown("!  ", 0), "!  ");
});

test("a quote is bounded, and holds the line that is meant", () => {
  const long = shown(`${" ".repeat(9)}!${"-".repeat(20)}${"+".repeat(20)}`);
  assert.equal(long, `!${"-".repeat(MAX_HUNK_LINES - 1)}`);
  assert.equal(shown(`${" ".repeat(30)}!++      `), `${" ".repeat(11)}!++`);
  assert.equal(shown("! +  + ", 4), "");
  const past = quotedRange({ header, lines: ["+a"], after: 5 }, 0, true);
  assert.deepEqual(past, { start: 0, end: 1 });
});

test("where the change stands", () => {
  assert.ok(isChangeBehind(hunkOf(" ! +")));
  assert.ok(!isChangeBehind(hunkOf("-! +")));
  assert.ok(!isChangeBehind(hunkOf(" !  ")));
  assert.ok(!isChangeBehind({ header, lines: [" a", "+b"], after: 1 }));
});
