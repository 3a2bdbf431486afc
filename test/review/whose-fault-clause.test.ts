import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReviewTrial } from "../../src/report/result.ts";
import { describeFault, faultClause, isToldOf, joinFaults } from "../../src/review/whose-fault-clause.ts";

const GCC = "gcc 12.2.0";

/** "clang 22.1.8 / -O2 : gone" */
function trial(text: string): ReviewTrial {
  const [, compiler = "", flags = "", outcome] = /^([^/:]*?) ?(?:\/ (.*?))? ?: (there|gone|unknown)$/.exec(text) ?? [];
  return { compiler, flags: flags === "" ? [] : flags.split(" "), outcome: outcome as ReviewTrial["outcome"] };
}

const cases: readonly (readonly [name: string, trials: readonly string[], says: string])[] = [
  [
    "one compiler at some levels",
    [
      `${GCC} / -O1 : gone`,
      `${GCC} / -Os : there`,
      "clang 22.1.8 : gone",
      "clang 19.1.7 : gone",
      `${GCC} / -fno-a : gone`,
      `${GCC} / -fno-b : there`,
    ],
    "only gcc 12.2.0 at -O2 and -Os (not at -O1, not clang 22.1.8 nor 19.1.7); gone with -fno-a",
  ],
  [
    "every compiler",
    [`${GCC} / -O1 : there`, "clang 22.1.8 : there", "gcc 13.1.0 : there", "clang 19.1.7 : unknown"],
    "every compiler tried: gcc 12.2.0 and 13.1.0, clang 22.1.8: the source's own",
  ],
  [
    "a family",
    [`${GCC} / -O1 : there`, "gcc 13.1.0 : there", "clang 22.1.8 : gone", `${GCC} / -fno-a : there`],
    "only gcc 12.2.0 and 13.1.0 (not clang 22.1.8); no flag that was tried takes it away",
  ],
  [
    "nobody else can tell",
    [`${GCC} / -O1 : there`, "clang 22.1.8 : unknown", `${GCC} / -mllvm -x : gone`],
    "gcc 12.2.0 at -O1 and -O2 (clang 22.1.8 cannot tell); gone with -mllvm -x",
  ],
  [
    "a level, and nobody else",
    [`${GCC} / -O1 : gone`, `${GCC} / -fno-a : there`],
    "only gcc 12.2.0 at -O2 (not at -O1; no other compiler is here); no flag that was tried takes it away",
  ],
  [
    "the other family has it, and the own one not at every level",
    [`${GCC} / -O1 : gone`, "clang 22.1.8 : there", `${GCC} / -fno-a : gone`, `${GCC} / -fno-b : gone`],
    "only gcc 12.2.0 at -O2, and clang 22.1.8 (not at -O1); gone with -fno-a or -fno-b",
  ],
  [
    "nothing tells",
    [`${GCC} / -O1 : unknown`, "clang 22.1.8 : unknown"],
    "gcc 12.2.0 at -O2; nothing else that was tried tells",
  ],
];

for (const [name, trials, says] of cases)
  test(name, () => assert.equal(faultClause({ compiler: GCC, level: "-O2" }, trials.map(trial)), says));

const answered = describeFault(
  { compiler: GCC, level: "-O2" },
  [
    `${GCC} / -O1 : gone`,
    `${GCC} / -Os : there`,
    "clang 22.1.8 : there",
    "clang 19.1.7 : gone",
    `${GCC} / -fno-a : gone`,
  ].map(trial),
);

test("an answer tells of the builds whose way it has tried and found to be alike", () => {
  const ways: [way: string, isTold: boolean][] = [
    ["gcc 12.2.0 -O2", true],
    ["gcc 12.2.0 -Os", true],
    ["gcc 12.2.0 -O1", false],
    ["gcc 12.2.0 -O3", false],
    ["gcc 13.1.0 -O2", false],
    // At which level another compiler does it is not said of it.
    ["clang 22.1.8 -O2", true],
    ["clang 22.1.8 -Os", true],
    ["clang 22.1.1 -O2", false],
    ["clang 19.1.7 -O2", false],
  ];
  for (const [way, isTold] of ways) {
    const [, compiler = "", level = ""] = /^(.*) (\S+)$/.exec(way) ?? [];
    assert.equal(isToldOf(answered, { compiler, level }), isTold, way);
  }
  assert.equal(isToldOf(answered, undefined), false);
});

test("what a second profile's own trials say stands behind the first one's, and tells of a third", () => {
  const own = { compiler: "clang 19.1.7", level: "-O2" };
  const second = describeFault(own, [`${GCC} : unknown`, "clang 19.1.7 / -Os : gone"].map(trial));
  assert.equal(joinFaults(undefined, second, "p"), second);
  assert.equal(joinFaults(answered, undefined, "p"), answered);
  const both = joinFaults(answered, second, "p");
  assert.equal(
    both?.says,
    "only gcc 12.2.0 at -O2 and -Os, and clang 22.1.8 (not at -O1, not clang 19.1.7); gone with -fno-a; under p: only clang 19.1.7 at -O2 (not at -Os; gcc 12.2.0 cannot tell)",
  );
  assert.equal(both?.own, "gcc 12.2.0 -O2");
  assert.deepEqual(
    both?.trials
      .slice(answered.trials.length)
      .map(({ compiler, flags, outcome, why }) => [compiler, ...flags, outcome, why].join(" ")),
    ["clang 19.1.7 there under p", "gcc 12.2.0 unknown under p", "clang 19.1.7 -Os gone under p"],
  );
  assert.equal(isToldOf(answered, own), false);
  assert.equal(isToldOf(both!, own), true);
});
