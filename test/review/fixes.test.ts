// Changes that a review carries: proposed, applied to the head, built and judged again, on the kernel tree.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RESULT_VERSION } from "../../src/report/result.ts";
import { runReview } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

const tree = openSeriesTree();
const SOURCE = "arch/x86/lib/copy_page_64.S";

function appended(code: string): (text: string) => string {
  return (text) => `${text}\n${code}`;
}

const FUNCTIONS = `SYM_FUNC_START(objr_lone)
	xorl	%eax, %eax
	RET

SYM_FUNC_START(objr_fills)
	call	1f
	int3
1:	addq	$8, %rsp
	RET
SYM_FUNC_END(objr_fills)

SYM_FUNC_START(objr_leaves)
	call	2f
	int3
2:	RET
SYM_FUNC_END(objr_leaves)

SYM_FUNC_START(objr_calls)
	call	objr_helper
	RET
SYM_FUNC_END(objr_calls)

objr_helper:
	xorl	%eax, %eax
	RET
`;

test("a change is carried where the finding is gone with it and nothing new comes, and nowhere else", async () => {
  const head = tree.commit(tree.base, "x86/lib: functions that lack something", {
    [SOURCE]: appended(FUNCTIONS),
    "lib/bust_spinlocks.c": appended("void objr_go(void);\nvoid objr_go(void)\n{\n\toops_in_progress++;\n}\n"),
    "lib/argv_split.c": appended(`void objr_go(void) __attribute__((noreturn));
void objr_calls_go(void);
void objr_calls_go(void)
{
	objr_go();
}
void objr_last(void);
void objr_last(void)
{
	cpu_relax();
}
`),
  });
  const { result } = await runReview({ tree: tree.dir, base: "HEAD", range: `${tree.base}..${head}` });
  const first = tree.read(head, SOURCE).split("\n").indexOf("SYM_FUNC_START(objr_lone)") + 1;
  assert.deepEqual(
    result.findings
      .map(
        ({ rule, function: name, fix }) => `${rule} ${name}(): ${fix?.path}:${fix?.from} ${JSON.stringify(fix?.lines)}`,
      )
      .sort(),
    [
      // The list would hide it: the function returns.
      "falls-through objr_calls_go(): undefined:undefined undefined",
      `intra-function-call objr_fills(): ${SOURCE}:${first + 5} ["\\tANNOTATE_INTRA_FUNCTION_CALL","\\tcall\\t1f"]`,
      // The annotation would be true, and the function would return with one word too many.
      "intra-function-call objr_leaves(): undefined:undefined undefined",
      `missing-symbol-size objr_lone(): ${SOURCE}:${first + 2} ["\\tRET","SYM_FUNC_END(objr_lone)"]`,
      `missing-symbol-type objr_calls(): ${SOURCE}:${first + 22} ["SYM_FUNC_START_LOCAL(objr_helper)","\\txorl\\t%eax, %eax","\\tRET","SYM_FUNC_END(objr_helper)"]`,
    ],
  );
  assert.equal(result.version, RESULT_VERSION);
  // The tree that was reviewed is the series', not one of the edits.
  assert.equal(result.patches[0]?.builds, true);
  assert.deepEqual(result.compilerWarnings, []);
});
