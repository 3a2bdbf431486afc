import assert from "node:assert/strict";
import { test } from "node:test";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { analyzeText, unbalanced } from "../support/analyzed.ts";

const replaced: Outside = { ...nothingOutside, isOverridden: (symbol) => symbol === "f" };

test("a weak function that another object's takes the place of is not judged, and coverage says so", () => {
  const weak = `.weak f\n${unbalanced("f")}`;
  const alone = analyzeText(weak);
  assert.deepEqual(
    alone.findings.map((finding) => finding.rule),
    ["return-with-modified-frame"],
  );
  assert.ok(alone.coverage.textBytes > 0);
  const linked = analyzeText(weak, { outside: replaced });
  assert.deepEqual(linked.findings, []);
  assert.deepEqual(linked.coverage.notes, [
    { kind: "function-excluded", function: "f", why: "another object's definition takes its place" },
  ]);
  assert.equal(linked.coverage.textBytes, 0);
});

test("its code is judged where it has another name that stays", () => {
  const alias = `.weak f\n${unbalanced("f")}.set g, f\n.globl g\n.type g, @function\n`;
  assert.equal(analyzeText(alias, { outside: replaced }).findings.length, 1);
});
