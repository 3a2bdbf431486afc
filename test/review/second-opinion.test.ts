import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectFinding } from "../../src/analyze/analyze-object.ts";
import { readToolOutput } from "../../src/kernel/object-tool.ts";
import { MAX_ASKED, secondOpinions } from "../../src/review/second-opinion.ts";
import { kindOfText, rulesWithTexts } from "../../src/review/tool-words.ts";
import { rules } from "../../src/rules/index.ts";
import { analyzeText, unbalanced } from "../support/analyzed.ts";

const finding = analyzeText(unbalanced("f")).findings[0] as ObjectFinding;
const other = { ...finding, function: "g" };

const printed = [
  "vmlinux.o: warning: objtool: f+0x3: return with modified stack frame",
  "vmlinux.o: warning: objtool: h()+0x3: return with UACCESS enabled",
  "vmlinux.o: error: objtool: t_use() falls through to next function kernel_wait4()",
  "  CC      kernel/fork.o",
].join("\n");

test("what the tool prints is read in the words of every version", () => {
  assert.deepEqual(readToolOutput(printed), [
    { name: "f", plus: 3, text: "return with modified stack frame" },
    { name: "h", plus: 3, text: "return with UACCESS enabled" },
    { name: "t_use", plus: 0, text: "falls through to next function kernel_wait4()" },
  ]);
});

test("it agrees where it says the same of the same function, and is silent elsewhere; each object is asked about once", async () => {
  const asked: string[] = [];
  const opinions = await secondOpinions(
    [
      { finding, file: "a.o" },
      { finding: other, file: "a.o" },
      { finding: { ...finding, rule: "uaccess-return-open" }, file: "a.o" },
    ],
    async (file) => {
      asked.push(file);
      return readToolOutput(printed);
    },
  );
  assert.deepEqual(opinions, [
    { says: "agrees", text: "return with modified stack frame" },
    { says: "silent", text: "" },
    { says: "silent", text: "" },
  ]);
  assert.deepEqual(asked, ["a.o"]);
});

test("what rests on another object's code is not asked of one object", async () => {
  const [opinion] = await secondOpinions([{ finding, file: "a.o", restsOnOthers: true }], async () => assert.fail());
  assert.deepEqual(opinion, { says: "not-asked", text: "it looks at that in the linked kernel only" });
});

test("a text of a version that nobody has read is passed over", async () => {
  const reports = readToolOutput(
    "a.o: warning: objtool: f+0x3: something quite new\na.o: warning: objtool: f+0x3: return with modified stack frame",
  );
  const [opinion] = await secondOpinions([{ finding, file: "a.o" }], async () => reports);
  assert.equal(opinion?.says, "agrees");
});

test("why it was not asked is told: no such check, only in the linked kernel, no object, too many, given up", async () => {
  const gaveUp = readToolOutput("a.o: warning: objtool: g+0x1: unannotated intra-function call");
  const question = (n: number) => ({ finding, file: `${n}.o` });
  const opinions = await secondOpinions(
    [
      { finding: { ...finding, rule: "callee-saved-not-kept" }, file: "a.o" },
      { finding: { ...finding, rule: "noinstr-call" }, file: "a.o" },
      { finding, file: undefined },
      ...Array.from({ length: MAX_ASKED + 1 }, (_, n) => question(n)),
    ],
    async () => gaveUp,
  );
  assert.deepEqual(
    opinions.slice(0, 4).map(({ says, text }) => `${says}: ${text}`),
    [
      "not-asked: it has no such check",
      "not-asked: it looks at that in the linked kernel only",
      "not-asked: the object is not kept",
      "not-asked: it gave up on the object: unannotated intra-function call",
    ],
  );
  assert.match(opinions.at(-1)?.text ?? "", /beyond the 16 objects/);
});

test("every text of the tool that is compared has its rule", () => {
  const ids = new Set(rules.map(({ id }) => id));
  assert.deepEqual(
    [...rulesWithTexts].filter((id) => !ids.has(id)),
    [],
  );
  assert.deepEqual(kindOfText("unsupported instruction in callable function"), {
    rule: "unsupported-in-function",
    fatal: false,
  });
  assert.deepEqual(kindOfText("unknown CFA base reg -1"), { rule: "orc-inexpressible", fatal: false });
});
