import assert from "node:assert/strict";
import { test } from "node:test";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { analyzeText } from "../support/analyzed.ts";

const known: Outside = {
  ...nothingOutside,
  isFunction: (symbol) => (symbol.startsWith("f") ? true : symbol.startsWith("label") ? false : undefined),
  landing: () => "pad",
};

const jump = (to: string): string => `FUNC leaves\n\ttestl %edi, %edi\n\tjz ${to}\n\tret\nEND leaves\n`;

test("a jump into the middle of a function of another object is told where it is known to be one", () => {
  const said = (to: string, outside?: Outside): string[] =>
    analyzeText(jump(to), outside === undefined ? {} : { outside }).findings.map((finding) => finding.message);
  assert.deepEqual(said("f+2", known), ["leaves() jumps into the middle of f()"]);
  assert.deepEqual(said("f", known), []);
  assert.deepEqual(said("f+4", known), [], "behind its landing pad");
  assert.deepEqual(said("f+4", { ...known, landing: () => "none" }), ["leaves() jumps into the middle of f()"]);
  assert.deepEqual(said("label+2", known), []);
  assert.deepEqual(said("unknown+2", known), []);
  assert.deepEqual(said("f+2"), [], "nothing is known");
});
