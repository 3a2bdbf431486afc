import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bytesSource } from "../../../src/base/bytes.ts";
import { openObject } from "../../../src/elf/object.ts";
import { x86_64 } from "../../../src/isa/x86-64/index.ts";
import { findKernelObjects } from "../../support/kernel-objects.ts";
import { executableSections } from "../../support/kernel-sections.ts";

const { names } = x86_64;

test("thunks", () => {
  for (const symbol of [
    "__x86_indirect_thunk_rax",
    "__x86_indirect_thunk_r15",
    "__x86_indirect_call_thunk_rbx",
    "__x86_indirect_jump_thunk_r8",
    "__pi___x86_indirect_thunk_rax",
  ]) {
    assert.ok(names.isIndirectThunk(symbol), symbol);
    assert.ok(!names.isReturnThunk(symbol), symbol);
  }
  for (const symbol of ["__x86_return_thunk", "__pi___x86_return_thunk"])
    assert.ok(names.isReturnThunk(symbol), symbol);
  // entries inside the return thunks are code like any other
  for (const symbol of ["srso_return_thunk", "retbleed_return_thunk", "__x86_return_skl", "x86_return_thunk", ""]) {
    assert.ok(!names.isReturnThunk(symbol) && !names.isIndirectThunk(symbol), symbol);
  }
});

test("static-call trampolines, prefix symbols, the entry hook", () => {
  assert.ok(names.isStaticCallTrampoline("__SCT__might_resched"));
  assert.ok(!names.isStaticCallTrampoline("__SCK__might_resched"));
  assert.ok(names.isPrefixSymbol("__cfi_do_exit") && names.isPrefixSymbol("__pfx_do_exit"));
  assert.ok(!names.isPrefixSymbol("do_exit"));
  assert.ok(names.isEntryHook("__fentry__"));
  assert.ok(!names.isEntryHook("mcount"));
});

test("a real build uses these names: its return thunk and indirect thunks are referred to by its own objects", () => {
  let returns = 0;
  let indirect = 0;
  let trampolines = 0;
  for (const path of findKernelObjects(300).filter((_, i) => i % 10 === 0)) {
    const object = openObject(bytesSource(new Uint8Array(readFileSync(path))));
    for (const { index } of executableSections(path)) {
      const table = object.relocs(index);
      for (let i = 0; i < table.length; i++) {
        const symbol = object.symbolName[table.symbol[i] as number] as string;
        if (names.isReturnThunk(symbol)) returns++;
        if (names.isIndirectThunk(symbol)) indirect++;
        if (names.isStaticCallTrampoline(symbol)) trampolines++;
      }
    }
  }
  assert.ok(returns > 100, `${returns} returns`);
  assert.ok(indirect > 10, `${indirect} indirect branches`);
  assert.ok(trampolines > 10, `${trampolines} static calls`);
});
