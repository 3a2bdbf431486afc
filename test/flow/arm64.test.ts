import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { buildCode } from "../../src/flow/code.ts";
import { buildFlow, KIND_CONDITIONAL_TAIL, KIND_TAIL_CALL } from "../../src/flow/flow.ts";
import { buildFunctions, functionName } from "../../src/flow/functions.ts";
import { solveReturns } from "../../src/flow/returns.ts";
import { successors } from "../../src/flow/successors.ts";
import { findArch } from "../../src/isa/index.ts";
import { KIND_BRANCH, KIND_CALL, KIND_JUMP, KIND_UNKNOWN } from "../../src/isa/insn-table.ts";
import { readArm64Objects } from "../support/arm64-objects.ts";

// The neutral tables hold another architecture: real kernel objects, decoded and cut into blocks, nothing simulated.

const built = readArm64Objects().map(({ name, object }) => {
  const code = buildCode(object, findArch(object.machine)!);
  const functions = buildFunctions(code);
  const flow = buildFlow(code, functions);
  return { name, code, functions, flow, returns: solveReturns(flow, () => undefined) };
});

test("at least 50 functions of real arm64 objects are covered by decoded instructions", () => {
  let count = 0;
  for (const { name, code, functions, flow } of built) {
    for (let f = 0; f < functions.table.length; f++) {
      const { start, end, firstInsn } = functions.table;
      if (start[f] === end[f]) continue;
      count++;
      const what = `${name} ${functionName(code, functions, f)}`;
      assert.notEqual(firstInsn[f], NONE, what);
      for (let i = firstInsn[f]!; i < flow.kind.length && functions.ofInsn[i] === f; i++) {
        assert.notEqual(flow.kind[i], KIND_UNKNOWN, `${what}+0x${(code.insns.offset[i]! - start[f]!).toString(16)}`);
      }
    }
  }
  assert.ok(count >= 50, `${count} functions`);
});

test("every direct branch has a place to go, in the object or by a symbol", () => {
  let branches = 0;
  for (const { name, code, flow } of built) {
    assert.deepEqual(flow.faults, [], name);
    for (let i = 0; i < flow.kind.length; i++) {
      const k = flow.kind[i]!;
      if (k === KIND_TAIL_CALL || k === KIND_CONDITIONAL_TAIL || k === KIND_CALL) {
        const place = `${name} ${code.insns.offset[i]}`;
        assert.ok(flow.symbol.at(i) !== NONE || flow.target.at(i) !== NONE, place);
        branches++;
      } else if (k === KIND_JUMP || k === KIND_BRANCH) {
        assert.notEqual(flow.target.at(i), NONE, `${name} ${code.insns.offset[i]}`);
        branches++;
      }
    }
  }
  assert.ok(branches > 200, `${branches} branches`);
});

test("blocks: they begin where control comes in, end where it parts, and miss no byte of a function", () => {
  let blockCount = 0;
  for (const { name, code, functions, flow, returns } of built) {
    const next = successors(flow, returns);
    const leader = new Uint8Array(flow.kind.length + 1);
    const entries = new Set(functions.table.firstInsn);
    for (let i = 0; i < flow.kind.length; i++) {
      if (i === 0 || code.insns.section[i] !== code.insns.section[i - 1]) leader[i] = 1;
      if (entries.has(i)) leader[i] = 1;
      const count = next.of(i);
      const parts = count !== 1 || next.to[0] !== i + 1;
      if (parts) leader[i + 1] = 1;
      for (const to of next.to.slice(0, count)) {
        assert.ok(to >= 0 && to < flow.kind.length);
        assert.equal(typeof code.insns.section[to], "number");
        if (to !== i + 1) leader[to] = 1;
      }
    }
    for (let f = 0; f < functions.table.length; f++) {
      const first = functions.table.firstInsn[f]!;
      if (functions.table.start[f] === functions.table.end[f]) continue;
      assert.equal(leader[first], 1);
      let bytes = 0;
      for (let i = first; i < flow.kind.length && functions.ofInsn[i] === f; i++) {
        bytes += code.insns.size[i]!;
        blockCount += leader[i]!;
      }
      const { start, end } = functions.table;
      // Functions may be nested: what an inner one covers is not the outer one's.
      assert.ok(bytes > 0 && bytes <= end[f]! - start[f]!, `${name} ${functionName(code, functions, f)}`);
    }
  }
  assert.ok(blockCount > 200, `${blockCount} blocks`);
});

test("functions of real arm64 code return, but for those that cannot", () => {
  const never = built.flatMap(({ code, functions, returns }) =>
    [...returns.neverReturns.keys()]
      .filter((f) => returns.neverReturns[f] === 1)
      .map((f) => functionName(code, functions, f)),
  );
  assert.ok(never.includes("do_exit"), never.join(" "));
  assert.ok(!never.includes("sort") && !never.includes("list_sort"), never.join(" "));
});
