import assert from "node:assert/strict";
import { test } from "node:test";
import { runReview } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// The defect of gcc 12 that docs/witnesses.md describes, and one that is the source's, each brought by a patch of the kernel.

const tree = openSeriesTree();
const timeout = 600_000;

const GCC_DEFECT = `
extern int bcd_use(void *, long, long, long, long, long, long, long);
extern int bcd_last(int);
int bcd_defect(int n, int a, int b);
int bcd_defect(int n, int a, int b)
{
	if (n) {
		long v[2] __attribute__((aligned(32)));
		return bcd_use(v, a, b, n, 4, 5, 6, 7) + bcd_use(v, b, a, n, 4, 5, 6, 7) + a - b;
	}
	return bcd_last(n);
}
`;

const OF_THE_SOURCE = `
extern void bcd_called(void);
void bcd_told_wrong(void);
void bcd_told_wrong(void)
{
	bcd_called();
	asm volatile(".cfi_adjust_cfa_offset 8");
	bcd_called();
	asm volatile(".cfi_adjust_cfa_offset -8");
	bcd_called();
}
`;

test("a defect of the compiler that two profiles have is tried once and told from one of the source", {
  timeout,
}, async () => {
  const mine = tree.commit(tree.base, "lib: bcd: two functions", {
    "lib/bcd.c": (text) => `${text}${GCC_DEFECT}${OF_THE_SOURCE}`,
  });
  const { result, progress } = await runReview({
    tree: tree.dir,
    base: "HEAD",
    range: `${tree.base}..${mine}`,
    profile: ["x86_64-defconfig-gcc-sframe", "x86_64-defconfig-gcc-sframe-os"],
    // The compiler's own is known.
    knownDefects: "show",
  });
  const told = new Map(result.findings.map((finding) => [finding.function, finding]));
  assert.deepEqual([...told.keys()], ["bcd_defect", "bcd_told_wrong"]);

  const compilers = told.get("bcd_defect")?.fault;
  assert.match(compilers?.own ?? "", /^gcc 12\.\S+ -O2$/);
  assert.match(
    compilers?.says ?? "",
    /^only gcc 12\.\S+ at -O2 and -Os \(not at -O1, not clang [^)]*\); gone with -fno-optimize-sibling-calls or -maccumulate-outgoing-args$/,
  );
  const of = (flag: string) => compilers?.trials.find(({ flags }) => flags.join(" ") === flag)?.outcome;
  assert.deepEqual(["-O1", "-Os", "-maccumulate-outgoing-args", "-fno-shrink-wrap"].map(of), [
    "gone",
    "there",
    "gone",
    "there",
  ]);

  const sources = told.get("bcd_told_wrong")?.fault;
  assert.match(sources?.says ?? "", /^every compiler tried: gcc 12\.\S+, clang .*: the source's own$/);
  assert.deepEqual(
    sources?.trials.filter(({ outcome }) => outcome !== "there"),
    [],
  );
  for (const { profiles } of told.values())
    assert.deepEqual(profiles, ["x86_64-defconfig-gcc-sframe", "x86_64-defconfig-gcc-sframe-os"]);
  assert.deepEqual(
    progress.filter((line) => line.includes("compiling")).map((line) => line.replace(/(?<= )\d+(?= )/, "N")),
    ["again", "in N other ways", "with N passes off"].map(
      (how) => `x86_64-defconfig-gcc-sframe: compiling lib/bcd.o ${how}`,
    ),
  );
  assert.ok(result.timings.some(({ phase }) => phase === "whose fault"));
});
