import assert from "node:assert/strict";
import { test } from "node:test";
import { checksWithoutConfig } from "../../src/rules/checks.ts";
import { analyzeText } from "../support/analyzed.ts";

const code = (name: string): string => `${name}:\n.rept 25\n\tjmp *%rax\n.endr\n.size ${name}, . - ${name}\n`;

test("assembly without a function is told of by its symbols, not up to a bound for all of it together", () => {
  const { findings } = analyzeText(code("first") + code("second") + code("third"), {
    checks: { ...checksWithoutConfig, retpoline: true },
  });
  const sites = findings.filter(({ rule }) => rule === "retpoline-indirect-branch");
  const count = (name: string): number => sites.filter((finding) => finding.function === name).length;
  assert.deepEqual([count("first"), count("second"), count("third")], [20, 20, 20]);
});

test("a replacement counts for the code that it is patched over", () => {
  const pushes = (name: string): string => `
${name}:
	HINT	3, 5, 0
9001:	.nops	40
9002:	ret
	.size	${name}, . - ${name}
	.pushsection .altinstr_replacement, "ax"
9003:	.rept	40
	pushf
	.endr
9004:	.popsection
	.pushsection .altinstructions, "a"
	.long	9001b - ., 9003b - .
	.word	1, 0
	.byte	9002b - 9001b, 9004b - 9003b
	.popsection
`;
  // A flag that is touched makes the code one to look at.
  const { findings } = analyzeText(`${pushes("first")}${pushes("second")}touches: clac\n`, {});
  const count = (name: string): number =>
    findings.filter((finding) => finding.function === name && finding.rule === "uaccess-flags-exhausted").length;
  assert.equal(count("first"), count("second"));
  assert.ok(count("first") > 0);
});
