import assert from "node:assert/strict";
import { test } from "node:test";
import { safeCode, safeProse, safeText } from "../../src/report/safe.ts";
import { clip, clipStart, joinWords, padRight, plural, textWidth, wrapText } from "../../src/report/wrap.ts";

test("width counts code points", () => {
  assert.equal(textWidth("a\u{1f600}b"), 3);
  assert.equal(padRight("\u{1f600}", 3), "\u{1f600}  ");
  assert.equal(clip("\u{1f600}".repeat(10), 6), `${"\u{1f600}".repeat(3)}...`);
  assert.equal(clipStart("drivers/net/a.c", 10), "...net/a.c");
});

test("a paragraph is wrapped with its prefixes, a word wider than the line is split", () => {
  assert.deepEqual(wrapText("one two three four", { width: 12, first: "> ", rest: "| " }), [
    "> one two",
    "| three four",
  ]);
  assert.deepEqual(wrapText("", { first: "Built: " }), ["Built:"]);
  const lines = wrapText("x".repeat(200), { width: 76, first: "ab: " });
  assert.equal(lines.join("").replaceAll(/ab: | /g, ""), "x".repeat(200));
  for (const line of lines) assert.ok(textWidth(line) <= 76);
});

test("wrapping loses and adds no word, whatever the width", () => {
  let seed = 7;
  const next = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  for (let round = 0; round < 300; round++) {
    const words = Array.from({ length: next(40) }, () => "\u00e4b".repeat(1 + next(3)));
    const width = 20 + next(60);
    const lines = wrapText(words.join(" "), { width, first: "  " });
    assert.equal(lines.join(" ").trim().replaceAll(/\s+/g, " "), words.join(" "));
    for (const line of lines) assert.ok(textWidth(line) <= width);
  }
});

test("lists and counts", () => {
  assert.equal(joinWords(["a", "b", "c"]), "a, b and c");
  assert.equal(joinWords([]), "");
  assert.equal(plural(1, "patch", "patches"), "1 patch");
  assert.equal(plural(0, "patch", "patches"), "0 patches");
});

test("what a terminal or reader acts on becomes visible", () => {
  assert.equal(safeText("a\u001b[1mb\u009b2Jc\r\nd"), "a\\x1b[1mb\\x9b2Jc\\r\\nd");
  assert.equal(safeText("\u202eabc\u200b\ufeff\u{e0041}"), "\\u{202e}abc\\u{200b}\\u{feff}\\u{e0041}");
  assert.equal(safeText("\ud800x"), "\\u{d800}x");
  assert.equal(safeText("J\u00f6rg \u8d75 \u{1f600}"), "J\u00f6rg \u8d75 \u{1f600}");
  assert.equal(safeText("a\tb"), "a b");
  assert.equal(safeCode("a\tb"), "a\tb");
  assert.equal(safeText("x".repeat(900), { max: 10 }), `${"x".repeat(10)}...`);
  assert.equal(
    safeProse("see https://e.example and www.e.example #objreview stop"),
    "see https:/ /e.example and www .e.example # objreview stop",
  );
});
