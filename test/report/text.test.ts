import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { renderText } from "../../src/report/text.ts";
import { textWidth } from "../../src/report/wrap.ts";
import { FIXTURES, hostileResult, manyResult, twoFindingsResult } from "./fixtures.ts";
import { assertGolden } from "./golden.ts";

test("the terminal form reads as the golden text", () => {
  assertGolden("text-two-findings.txt", renderText(twoFindingsResult()));
});

test("verdict first, findings, then coverage", () => {
  const lines = renderText(twoFindingsResult()).split("\n");
  assert.equal(lines[0], "objreview: 2 new findings in v1 of this series; 1 of them repaired in 4/4.");
  const finding = lines.findIndex((line) => line.startsWith("error: fill_words()"));
  const coverage = lines.findIndex((line) => line.startsWith("Checked:"));
  assert.ok(finding > 0 && coverage > finding);
});

test("objects that the series does not touch are told with why they were looked at", () => {
  const result = twoFindingsResult();
  const [first] = result.objects;
  assert.ok(first !== undefined);
  const more = ["a", "b", "c", "d"].map((name) => ({
    ...first,
    path: `fs/${name}.o`,
    state: "identical" as const,
    reason: name === "a" ? "defines peek, whose uses changed" : "uses peek, whose returning changed",
  }));
  const text = renderText({ ...result, objects: [...result.objects, ...more] }).replace(/\s+/g, " ");
  assert.match(text, /4 were looked at again because of what changes: fs\/a\.o, fs\/b\.o, fs\/c\.o and 1 more\./);
  assert.doesNotMatch(renderText(result), /looked at again/);
});

test("colour changes nothing but the colour", () => {
  for (const [name, build] of FIXTURES) {
    const plain = renderText(build());
    const coloured = renderText(build(), { colour: true });
    assert.equal(stripVTControlCharacters(coloured), plain, name);
    assert.ok(coloured.includes("\u001b["), name);
    assert.ok(!plain.includes("\u001b"), name);
    assert.equal(
      (coloured.match(/\u001b\[0m/g) ?? []).length * 2,
      (coloured.match(/\u001b\[/g) ?? []).length,
      `${name}: all ended`,
    );
  }
});

test("from hostile text no escape of its own reaches the terminal", () => {
  const coloured = renderText(hostileResult(), { colour: true });
  assert.doesNotMatch(
    coloured.replaceAll(/\u001b\[(0|1|2|1;3[1236])m/g, ""),
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/,
  );
});

test("prose stays within 76 columns", () => {
  for (const [name, build] of FIXTURES) {
    for (const line of renderText(build()).split("\n")) {
      if (!/^ {2,}[0-9a-f]+ {2}\S/.test(line)) assert.ok(textWidth(line) <= 76, `${name}: ${line}`);
    }
  }
  assert.match(renderText(manyResult(), { maxDetailed: 2 }), /And 18 more, in short:/);
});
