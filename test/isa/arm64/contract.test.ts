import assert from "node:assert/strict";
import { test } from "node:test";
import { arm64 } from "../../../src/isa/arm64/index.ts";
import { findArch } from "../../../src/isa/index.ts";

test("registers: numbers are DWARF's, sp is bit 31, AAPCS64 names what a function keeps", () => {
  const { registers } = arm64;
  assert.equal(registers.name.length, 32);
  assert.equal(registers.name[registers.sp], "sp");
  assert.equal(registers.name[registers.fp], "x29");
  assert.equal(registers.name[registers.link], "x30");
  const kept = registers.name.filter((_, number) => (registers.calleeSaved >>> number) & 1);
  assert.deepEqual(kept, ["x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29"]);
  assert.equal(arm64.entryFrame.cfaOffset, 0);
  assert.equal(arm64.entryFrame.returnSlot, undefined);
});

test("relocations: names, sizes and what is a branch (AAELF64)", () => {
  const { relocs } = arm64;
  const table = [257, 261, 275, 277, 279, 280, 282, 283, 286, 9999].map((type) => [
    relocs.name(type),
    relocs.size(type),
    relocs.isPcRelative(type),
    relocs.isBranch(type),
  ]);
  assert.deepEqual(table, [
    ["R_AARCH64_ABS64", 8, false, false],
    ["R_AARCH64_PREL32", 4, true, false],
    ["R_AARCH64_ADR_PREL_PG_HI21", 4, true, false],
    ["R_AARCH64_ADD_ABS_LO12_NC", 4, false, false],
    ["R_AARCH64_TSTBR14", 4, true, true],
    ["R_AARCH64_CONDBR19", 4, true, true],
    ["R_AARCH64_JUMP26", 4, true, true],
    ["R_AARCH64_CALL26", 4, true, true],
    ["R_AARCH64_LDST64_ABS_LO12_NC", 4, false, false],
    ["R_AARCH64_9999", 0, false, false],
  ]);
});

test("names: no thunks, the common static-call prefix, _mcount as entry hook", () => {
  const { names } = arm64;
  assert.ok(!names.isIndirectThunk("__x86_indirect_thunk_rax") && !names.isReturnThunk("__x86_return_thunk"));
  assert.ok(names.isStaticCallTrampoline("__SCT__might_resched") && !names.isStaticCallTrampoline("__SCK__x"));
  assert.ok(!names.isPrefixSymbol("__pfx_main"));
  assert.ok(names.isEntryHook("_mcount") && !names.isEntryHook("__fentry__"));
});

test("registry: found by e_machine", () => {
  assert.equal(findArch(183), arm64);
  assert.equal(findArch(3), undefined);
});
