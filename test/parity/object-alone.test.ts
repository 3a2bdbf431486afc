import assert from "node:assert/strict";
import { test } from "node:test";
import { saidOfObjectAlone } from "../../scripts/parity/object-alone.ts";
import { openModel } from "../../scripts/parity/object-model.ts";
import type { TheirReport } from "../../scripts/parity/their-tool.ts";
import { assembleText } from "../support/analyzed.ts";

const model = openModel("f.o", assembleText("FUNC here\n\tcall elsewhere\n\tret\nEND here\n"));

function leftOut(...texts: string[]): string[] {
  const reports = texts.map((text): TheirReport => ({ name: "here", plus: 0, text, rule: "any", fatal: false }));
  return [...saidOfObjectAlone(model, reports)].map(({ text }) => text);
}

test("a search that ends for want of a callee is left out with what is said behind it, another error is not", () => {
  const failed = "Failed UNRET validation";
  const lacks = (callee: string): string => `Unresolved function after linking!?: ${callee}`;
  assert.deepEqual(leftOut(lacks("elsewhere"), failed), [lacks("elsewhere"), failed]);
  assert.deepEqual(leftOut(lacks("here"), failed), []);
  assert.deepEqual(leftOut("RET before UNTRAIN", failed), []);
});

test("a paravirtual call is left out where there is no table, and told where the table names a function", () => {
  assert.deepEqual(leftOut("pv_ops[2]: (null)", "pv_ops[2]: traced"), ["pv_ops[2]: (null)"]);
});
