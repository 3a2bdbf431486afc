import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { decodedAs } from "../../src/flow/decoded-as.ts";
import { KIND_CONDITIONAL_TAIL, KIND_TAIL_CALL } from "../../src/flow/flow.ts";
import { KindRows } from "../../src/flow/kind-rows.ts";
import {
  KIND_ACCESS_OPEN,
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_RETURN,
} from "../../src/isa/insn-table.ts";
import { assembleFlow } from "../support/built-flow.ts";

const source = `
FUNC one
	call	two
	jne	two
	jmp	two
END one
FUNC two
	stac
	call	*%rax
	jmp	*%rax
	ret
END two
FUNC three
	syscall
	iretq
	call	__x86_indirect_thunk_rax
	jmp	__x86_return_thunk
	jmp	__x86_indirect_thunk_rax
	call	__fentry__
	call	*8(%rbx)
	lretq
	jmp	nobody
END three
nobody:	jmp	two
	ret`;

test("rows by kind are those that have it, ascending, for one kind and for several", () => {
  const { flow } = assembleFlow(source);
  const bySearch = (...kinds: number[]): number[] =>
    Array.from(flow.turns).filter((row) => kinds.includes(flow.kind[row] as number));
  const wanted = [
    [KIND_CALL],
    [KIND_TAIL_CALL, KIND_CONDITIONAL_TAIL],
    [KIND_RETURN],
    [KIND_RETURN, KIND_CALL, KIND_ACCESS_OPEN, KIND_TAIL_CALL],
  ];
  for (const kinds of wanted) {
    assert.ok(bySearch(...kinds).length > 0);
    assert.deepEqual(Array.from(flow.rows.of(...kinds)), bySearch(...kinds), `kinds ${kinds}`);
  }
  assert.deepEqual(Array.from(flow.rows.of(200)), []);
  assert.deepEqual(Array.from(flow.rows.of()), []);
});

test("what an instruction was decoded as is found whatever the flow made of it", () => {
  const { flow } = assembleFlow(source);
  const decoded = flow.code.insns.kind;
  for (const kind of [
    KIND_RETURN,
    KIND_INDIRECT_CALL,
    KIND_INDIRECT_JUMP,
    KIND_CONTEXT_CALL,
    KIND_CONTEXT_RETURN,
  ] as const) {
    const rows = Array.from(decoded.keys()).filter((row) => decoded[row] === kind);
    assert.ok(rows.length > 0, `kind ${kind}`);
    assert.deepEqual(decodedAs(flow, kind), rows, `kind ${kind}`);
  }
});

test("branches to code of no function are noted", () => {
  const { flow } = assembleFlow(source);
  const { ofInsn } = flow.functions;
  const there = Array.from(flow.turns).filter((row) => {
    const to = flow.target.at(row);
    return to !== NONE && ofInsn[to] === NONE;
  });
  assert.equal(there.length, 1);
  assert.deepEqual(flow.toNobody, there);
});

test("rows that nobody said may turn are not looked at", () => {
  const rows = new KindRows(Int32Array.of(1, 3), Uint8Array.of(4, 4, 4, 4));
  assert.deepEqual(Array.from(rows.of(4)), [1, 3]);
});
