import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { FormatError, MachineError, ToolError, UsageError } from "../../src/base/errors.ts";
import { requireSpace } from "../../src/kernel/disk-space.ts";
import { machineReason } from "../../src/kernel/machine.ts";
import { failedResult } from "../../src/review/review.ts";

function thrownBy(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return assert.fail("it threw nothing");
}

test("a full disk is the machine's, in a sentence without a path", () => {
  const full = "the disk of the machine that reviews is full";
  // full(4): every write to it ends with ENOSPC.
  const written = thrownBy(() => writeFileSync("/dev/full", "x"));
  assert.equal(machineReason(written), full);
  const asked = thrownBy(() => requireSpace("/", Number.MAX_SAFE_INTEGER, "a work tree"));
  assert.ok(asked instanceof MachineError);
  assert.match(asked.message, /^a work tree takes .* in \/, and .* are free there$/);
  assert.equal(asked.reason, full);
  const git = new ToolError("failed", "git failed", {
    command: ["git", "checkout"],
    exitCode: 128,
    stderrTail: "error: unable to write file a.c\nfatal: cannot create directory at 'b': No space left on device\n",
  });
  assert.equal(machineReason(git), full);
  const { verdict, machine, reason } = failedResult({ base: "v6.12" }, written);
  assert.deepEqual([verdict, machine, reason], ["failed", full, full]);
  const { machine: told, reason: words } = failedResult({ base: "v6.12" }, asked);
  assert.deepEqual([told, words], [full, asked.message]);
});

test("a sandbox that cannot be made, and programs that are killed", () => {
  const bwrap = new ToolError("failed", "bubblewrap cannot make a sandbox here: setting up uid map", {
    command: ["bwrap"],
  });
  assert.match(machineReason(bwrap)!, /cannot make a sandbox/);
  const killed = new ToolError("killed", "git was killed by SIGKILL", { command: ["git"] });
  assert.match(machineReason(killed)!, /was killed/);
});

test("what is the caller's, the patch's or ours is not the machine's", () => {
  for (const error of [
    new UsageError("--base v9: no such commit"),
    new FormatError("bad-value", "no patch in it", { format: "mbox" }),
    new ToolError("cancelled", "stopped: No space left on device", { command: ["git"] }),
    new ToolError("failed", "git fetch failed", { command: ["git"], stderrTail: "fatal: not a repository" }),
    new TypeError("undefined is not a function"),
    undefined,
  ]) {
    assert.equal(machineReason(error), undefined, String(error));
  }
  assert.equal(failedResult({ base: "x" }, new UsageError("no")).machine, undefined);
});
