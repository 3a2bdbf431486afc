import assert from "node:assert/strict";
import { test } from "node:test";
import { type DigestOptions, renderDigest } from "../../src/report/digest.ts";
import { textWidth } from "../../src/report/wrap.ts";
import { cleanResult, exampleResult, FIXTURES, hostileResult, manyResult, twoFindingsResult } from "./fixtures.ts";
import { assertGolden } from "./golden.ts";

const GOLDEN_OPTIONS: Readonly<Record<string, DigestOptions>> = { example: { replyTo: 2, sinceMailMillis: 41_000 } };

for (const [name, build] of FIXTURES) {
  test(`digest of "${name}" reads as the golden text`, () => {
    assertGolden(`digest-${name}.txt`, renderDigest(build(), GOLDEN_OPTIONS[name]));
  });
}

// Quoted diffs, instructions ("  28ae  stac") and shell lines may be as long as they are.
function mayBeLong(line: string, inTryIt: boolean): boolean {
  return line.startsWith("> ") || inTryIt || /^ {2,}[0-9a-f]+ {2}\S/.test(line);
}

test("every line of prose is at most 76 code points wide", () => {
  for (const [name, build] of FIXTURES) {
    let inTryIt = false;
    for (const line of renderDigest(build()).split("\n")) {
      if (line === "Try it:") inTryIt = true;
      else if (line === "") inTryIt = false;
      if (!mayBeLong(line, inTryIt)) assert.ok(textWidth(line) <= 76, `${name}: ${line}`);
      assert.ok(textWidth(line) <= 300, `${name}: a line is cut somewhere: ${line}`);
      assert.equal(line, line.trimEnd(), `${name}: no blanks at the end`);
    }
  }
});

test("the verdict is the first line, in one sentence", () => {
  const first = (name: string) => renderDigest(FIXTURES.get(name)!()).split("\n")[0];
  assert.equal(
    renderDigest(exampleResult(), { replyTo: 2 }).split("\n")[0],
    "objreview: 1 new finding, from this patch; repaired in 4/4.",
  );
  assert.equal(first("example"), "objreview: 1 new finding, from 2/4; repaired in 4/4.");
  assert.equal(first("two-findings"), "objreview: 2 new findings in v1 of this series; 1 of them repaired in 4/4.");
  assert.equal(first("clean"), "objreview: nothing new in v2 of this series.");
  assert.equal(first("broken"), "objreview: 2/4 does not build.");
  assert.equal(first("conflict"), "objreview: 3/4 does not apply to v6.12.117.");
  assert.equal(first("applied"), "objreview: v2 of this series is in v6.12.117 already.");
});

test("a finding that the series repairs is told as broken and repaired", () => {
  assert.match(renderDigest(twoFindingsResult()), /^ +broken in 3\/4, repaired in 4\/4$/m);
  assert.match(renderDigest(exampleResult()), /^ +broken in 2\/4, repaired in 4\/4$/m);
  assert.doesNotMatch(renderDigest({ ...cleanResult() }), /repaired/);
});

test("what was not looked at is named, with a count where the list is cut", () => {
  const text = renderDigest(manyResult());
  assert.match(text, /Not checked: splice_step_0\(\), splice_step_2\(\)/);
  assert.match(text, /and 9\s+more\s+in\s+fs\/splice\.o\s+\(indirect\s+jump\s+without\s+a\s+table\)/);
  assert.match(renderDigest(exampleResult()), /90 of 91 functions/);
});

test("many findings: the first in full, the others by headline, none lost", () => {
  const result = manyResult();
  const text = renderDigest(result, { maxDetailed: 3 });
  const speaking = result.findings.filter((finding) => finding.class === "new" || finding.class === "worsened");
  for (const finding of speaking) assert.ok(text.includes(`${finding.function}() returns`), finding.function);
  for (const finding of result.findings) {
    if (!speaking.includes(finding)) assert.ok(!text.includes(`${finding.function}()`), finding.function);
  }
  assert.equal(text.match(/The witnesses:/g)?.length, 3);
  const capped = renderDigest({
    ...result,
    findings: Array.from({ length: 90 }, (_, i) => ({ ...result.findings[0]!, id: `f${i}` })),
  });
  assert.match(text, /peek_step_12\(\) returns with user access open\n.*from 1\/4/);
  assert.match(capped, /and 45 more that are only in the full review/);
});

test("findings under one hunk quote it once, each under its own line", () => {
  const result = exampleResult();
  const finding = result.findings[0]!;
  const hunk = {
    header: "@@ -1,4 +1,4 @@",
    lines: [" one", "+two", " three", "+four", " five", " six", " seven", " eight"],
    after: 1,
  };
  const text = renderDigest({
    ...result,
    findings: [
      { ...finding, line: 2, hunk },
      { ...finding, line: 4, id: "f2", hunk: { ...hunk, after: 3 } },
    ],
  });
  const quoted = text.split("\n").filter((line) => line.startsWith(">"));
  assert.deepEqual(quoted, ["> @@ -1,4 +1,4 @@", ">  one", "> +two", ">  three", "> +four"]);
});

test("what the patch changes is quoted also where it stands behind the line of the finding", () => {
  const result = exampleResult();
  const hunk = {
    header: "@@ -1,9 +1,9 @@",
    lines: [" one", " two", " three", "-four", "-five", "+six", "+seven", "+eight", " nine"],
    after: 0,
  };
  const text = renderDigest({ ...result, findings: [{ ...result.findings[0]!, hunk }] });
  const quoted = text.split("\n").filter((line) => line.startsWith(">"));
  assert.deepEqual(
    quoted,
    [hunk.header, ...hunk.lines].map((line) => `> ${line}`),
  );
});

test("at most twelve instructions, the first and the last among them", () => {
  const result = exampleResult();
  const finding = result.findings[0]!;
  const path = Array.from({ length: 40 }, (_, i) => ({
    ...finding.path[0]!,
    offset: 0x1000 + i,
    asm: `insn${i}`,
    note: "",
  }));
  const text = renderDigest({ ...result, findings: [{ ...finding, path }] });
  const shown = text.match(/^ {2}10[0-9a-f]{2} {2}insn\d+/gm) ?? [];
  assert.equal(shown.length, 12);
  assert.ok(text.includes("insn0") && text.includes("insn39"));
  assert.match(text, /28 instructions left out/);
});

test("commands and links appear only where they work", () => {
  const plain = renderDigest(exampleResult());
  assert.doesNotMatch(plain, /#objreview/);
  assert.doesNotMatch(plain.replace(/Try it:[\s\S]*/, ""), /:\/\//);
  const live = renderDigest(exampleResult(), { mailCommands: true, reviewUrl: "https://objreview.example.org/r/1" });
  assert.match(live, /"#objreview recheck"/);
  assert.match(live, /graph: https:\/\/objreview\.example\.org\/r\/1$/m);
});

test("text from outside is shown, not obeyed", () => {
  const text = renderDigest(hostileResult());
  // biome-ignore format: one class of characters
  assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
  assert.ok(text.isWellFormed());
  assert.match(text, /\\x1b\[31mred/);
  assert.match(text, /\\u\{202e\}gnp\.exe/);
  const before = text.split("Try it:")[0]!;
  const unquoted = before.split("\n").filter((line) => !line.startsWith(">"));
  for (const line of unquoted) {
    assert.doesNotMatch(line, /https?:\/\/|www\.evil|#objreview/i);
    // Only our own words start a line.
    assert.match(
      line,
      /^($| |objreview: |\(|error: |From \d|Why: |Against v|Built:|Not built:|Checked:|Not checked:|Assumed:|Base:|Fixed:|Unchanged:|Warnings:|Sandboxed)/,
    );
  }
  assert.doesNotMatch(text, /^(Reviewed-by|#objreview|-- $|diff |--- |\+\+\+ )/m);
});
