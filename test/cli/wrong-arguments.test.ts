// What somebody gets who types a command wrongly: one line in our name, the help to ask for, exit status 2.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "../support/repository.ts";

function run(...args: string[]) {
  const bin = join(repositoryRoot, "bin", "objreview");
  const { status, stdout, stderr } = spawnSync(bin, args, { encoding: "utf8", timeout: 60_000 });
  return { status, stdout, lines: stderr.trimEnd().split("\n") };
}

const wrong: readonly (readonly [args: readonly string[], said: RegExp, help: string])[] = [
  [
    ["check"],
    /^objreview: missing required argument 'object'$/,
    "objreview check --help shows its arguments and options",
  ],
  [
    ["unwind", "--zz", "a.o"],
    /^objreview: unknown option '--zz'$/,
    "objreview unwind --help shows its arguments and options",
  ],
  [["orc", "dump"], /^objreview: missing required/, "objreview orc dump --help shows its arguments and options"],
  [["base", "gc", "--disk-cap", "1e99"], /^objreview: .*'1e99' is invalid/, "objreview base gc --help shows"],
  [["nothing"], /^objreview: unknown command 'nothing'$/, "objreview --help lists the commands"],
  [["base", "nothing"], /^objreview: unknown command 'nothing'$/, "objreview base --help lists the commands"],
];

for (const [args, said, help] of wrong)
  test(`objreview ${args.join(" ")}`, () => {
    const { status, stdout, lines } = run(...args);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(lines[0]!, said);
    assert.ok(lines[1]!.startsWith(`(${help}`), lines[1]);
    assert.equal(lines.length, 2);
  });

test("a folder that cannot be made ends a review before it begins", () => {
  const { status, lines } = run("review", "--tree", ".", "--base", "x", "--patch", "x", "--out", "/proc/objreview");
  assert.deepEqual([status, lines], [2, ["objreview: --out /proc/objreview: not a folder that can be written to"]]);
});
