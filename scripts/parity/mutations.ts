import { NONE } from "../../src/base/table.ts";
import { KIND_CONDITIONAL_TAIL, KIND_INTRA_CALL, KIND_TAIL_CALL } from "../../src/flow/flow.ts";
import {
  KIND_ACCESS_CLOSE,
  KIND_ACCESS_OPEN,
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_DIRECTION_CLEAR,
  KIND_DIRECTION_SET,
  KIND_JUMP,
  KIND_LANDING_PAD,
  KIND_NOP,
  KIND_OTHER,
  KIND_RETURN,
  OP_ADD,
  OP_AND,
  OP_LOAD,
  OP_POP,
  OP_POP_FLAGS,
  OP_PUSH,
  OP_PUSH_FLAGS,
} from "../../src/isa/insn-table.ts";
import type { ObjectEdit } from "./object-edit.ts";
import type { ObjectModel } from "./object-model.ts";
import { below, pick, type Random } from "./random.ts";
import { branchDisplacement, branchRelocation, callRetarget } from "./retarget.ts";
import { type Done, hex, insnsWhere, type MutationClass } from "./sites.ts";

// The ways in which an object is broken. Nothing is inserted: what is dropped is overwritten by no-ops (or traps) of equal length.

const RSP = 4;
const NOP = 0x90;
const INT3 = 0xcc;

function hasOp(model: ObjectModel, insn: number, wanted: (row: number) => boolean): boolean {
  const { insns, ops } = model.code;
  const first = insns.op[insn] as number;
  if (first === NONE) return false;
  for (let row = first; row < ops.length && ops.insn[row] === insn; row++) if (wanted(row)) return true;
  return false;
}

const ofKind =
  (...kinds: number[]) =>
  (model: ObjectModel): number[] =>
    insnsWhere(model, (i) => kinds.includes(model.flow.kind[i] as number));

const withOp =
  (wanted: (model: ObjectModel, row: number) => boolean) =>
  (model: ObjectModel): number[] =>
    insnsWhere(model, (i) => model.flow.kind[i] === KIND_OTHER && hasOp(model, i, (row) => wanted(model, row)));

/** Overwrites an instruction by `bytes` and no-ops. */
function overwrite(model: ObjectModel, edit: ObjectEdit, insn: number, bytes: readonly number[], filler = NOP): Done {
  const { section, offset, size } = model.code.insns;
  const s = section[insn] as number;
  const at = offset[insn] as number;
  const before = hex(edit.read(s, at, size[insn] as number));
  edit.replace(s, at, size[insn] as number, bytes, filler);
  return { section: s, offset: at, before, after: hex(edit.read(s, at, size[insn] as number)) };
}

const drop: MutationClass["apply"] = (model, edit, insn, random) =>
  overwrite(model, edit, insn, [], below(6, random) === 0 ? INT3 : NOP);

const dropClass = (name: string, sites: MutationClass["sites"]): MutationClass => ({ name, sites, apply: drop });

/** Encodings of push and pop by register number: 50+r and 58+r, with 41 before it from r8 on (SDM volume 2, PUSH, POP). */
function otherRegister(
  model: ObjectModel,
  edit: ObjectEdit,
  insn: number,
  random: Random,
  low: readonly number[],
): Done | undefined {
  const { section, offset, size } = model.code.insns;
  const bytes = [...edit.read(section[insn] as number, offset[insn] as number, size[insn] as number)];
  const last = bytes.length - 1;
  const opcode = bytes[last] as number;
  const choices = (bytes.length === 2 ? [4, 5, 6, 7] : low).filter((register) => register !== (opcode & 7));
  bytes[last] = (opcode & 0xf8) | pick(choices, random);
  return overwrite(model, edit, insn, bytes);
}

const isShortPush = (model: ObjectModel, row: number, op: number, register: "src" | "dst"): boolean => {
  const { insns, ops } = model.code;
  const size = insns.size[ops.insn[row] as number] as number;
  return (
    ops.op[row] === op &&
    size <= 2 &&
    (ops[register][row] as number) < 16 &&
    size === ((ops[register][row] as number) < 8 ? 1 : 2)
  );
};

/** Entries of a table whose entries have `size` bytes; sites are their numbers. */
function tableClass(
  name: string,
  table: string,
  size: number,
  apply: (
    model: ObjectModel,
    edit: ObjectEdit,
    section: number,
    at: number,
    random: Random,
  ) => { before: string; after: string } | undefined,
): MutationClass {
  return {
    name,
    sites(model) {
      const { object } = model.code;
      const section = object.findSection(table);
      if (section === NONE || object.relocs(section).length === 0) return [];
      return Array.from({ length: Math.floor((object.sections.size[section] as number) / size) }, (_, entry) => entry);
    },
    apply(model, edit, entry, random) {
      const { object } = model.code;
      const section = object.findSection(table);
      const relocs = object.relocs(section);
      let place: { section: number; offset: number } | undefined;
      for (let r = 0; r < relocs.length && place === undefined; r++) {
        if (relocs.offset[r] !== entry * size) continue;
        const symbol = relocs.symbol[r] as number;
        place = {
          section: object.symbols.section[symbol] as number,
          offset: (object.symbols.value[symbol] as number) + (relocs.addend[r] as number),
        };
      }
      const changed = apply(model, edit, section, entry * size, random);
      if (place === undefined || place.section <= 0 || changed === undefined) return undefined;
      return { ...place, before: `${table}[${entry}] ${changed.before}`, after: changed.after };
    },
  };
}

const dropEntry = (name: string, table: string, size: number): MutationClass =>
  tableClass(name, table, size, (_model, edit, section, at) => {
    const before = hex(edit.read(section, at, size));
    edit.removeEntry(section, at / size, size);
    return { before, after: "dropped" };
  });

/** Points a 32-bit relative reference of a table to another instruction of the same section. */
const moveTarget = (name: string, table: string, size: number, field: number): MutationClass =>
  tableClass(name, table, size, (model, edit, section, at, random) => {
    const { object, insns, sectionStart, sectionEnd } = model.code;
    const relocs = object.relocs(section);
    for (let r = 0; r < relocs.length; r++) {
      if (relocs.offset[r] !== at + field) continue;
      const symbol = relocs.symbol[r] as number;
      const to = object.symbols.section[symbol] as number;
      const count = to > 0 ? (sectionEnd[to] as number) - (sectionStart[to] as number) : 0;
      if (count < 2) return undefined;
      const old = (object.symbols.value[symbol] as number) + (relocs.addend[r] as number);
      // Most of the time to somewhere near, so that it stays in its function.
      const insn = (sectionStart[to] as number) + below(count, random);
      const near = insns.offset[insn] as number;
      edit.editReloc(section, at + field, at + field + 1, { addend: near - (object.symbols.value[symbol] as number) });
      return { before: `to +0x${old.toString(16)}`, after: `to +0x${near.toString(16)}` };
    }
    return undefined;
  });

const HINT = 12; // include/linux/objtool_types.h, struct unwind_hint: ip, sp_offset @4, sp_reg @6, type @7, signal @8
const hintEdit = (name: string, change: (bytes: Uint8Array, random: Random) => void): MutationClass =>
  tableClass(name, ".discard.unwind_hints", HINT, (_model, edit, section, at, random) => {
    const bytes = edit.read(section, at, HINT);
    const before = hex(bytes.subarray(4));
    change(bytes, random);
    edit.write(section, at + 4, bytes.subarray(4));
    return { before, after: hex(bytes.subarray(4)) };
  });

// Instructions of up to a few bytes that do what hand-written code gets wrong (SDM volume 2).
const payloads: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ["push %rbx", [0x53]],
  ["push %rax", [0x50]],
  ["pop %rbx", [0x5b]],
  ["pop %rbp", [0x5d]],
  ["pushf", [0x9c]],
  ["popf", [0x9d]],
  ["std", [0xfd]],
  ["cld", [0xfc]],
  ["leave", [0xc9]],
  ["stac", [0x0f, 0x01, 0xcb]],
  ["clac", [0x0f, 0x01, 0xca]],
  ["ud2", [0x0f, 0x0b]],
  ["sub $8,%rsp", [0x48, 0x83, 0xec, 0x08]],
  ["add $8,%rsp", [0x48, 0x83, 0xc4, 0x08]],
  ["and $-16,%rsp", [0x48, 0x83, 0xe4, 0xf0]],
  ["mov %rax,%rsp", [0x48, 0x89, 0xc4]],
  ["mov %rsp,%rbp", [0x48, 0x89, 0xe5]],
  ["mov %rbp,%rsp", [0x48, 0x89, 0xec]],
  ["lea -8(%rsp),%rsp", [0x48, 0x8d, 0x64, 0x24, 0xf8]],
  ["lea -16(%rbp),%rsp", [0x48, 0x8d, 0x65, 0xf0]],
  ["add %rax,%rsp", [0x48, 0x01, 0xc4]],
  ["xchg %rax,%rsp", [0x48, 0x94]],
  ["mov (%rax),%rsp", [0x48, 0x8b, 0x20]],
  ["xor %ebp,%ebp", [0x31, 0xed]],
  ["jmp .+2", [0xeb, 0x00]],
  ["jmp .", [0xeb, 0xfe]],
];

const inFunctions = (model: ObjectModel, insn: number): boolean => model.flow.functions.ofInsn[insn] !== NONE;

export const mutationClasses: readonly MutationClass[] = [
  dropClass(
    "drop-push",
    withOp((m, row) => m.code.ops.op[row] === OP_PUSH),
  ),
  dropClass(
    "drop-pop",
    withOp((m, row) => m.code.ops.op[row] === OP_POP),
  ),
  dropClass(
    "drop-flags-push-pop",
    withOp((m, row) => [OP_PUSH_FLAGS, OP_POP_FLAGS].includes(m.code.ops.op[row] as number)),
  ),
  dropClass("drop-stac", ofKind(KIND_ACCESS_OPEN)),
  dropClass("drop-clac", ofKind(KIND_ACCESS_CLOSE)),
  dropClass("drop-landing-pad", ofKind(KIND_LANDING_PAD)),
  dropClass("drop-std-cld", ofKind(KIND_DIRECTION_SET, KIND_DIRECTION_CLEAR)),
  dropClass(
    "drop-stack-adjust",
    withOp((m, row) => [OP_ADD, OP_AND].includes(m.code.ops.op[row] as number) && m.code.ops.dst[row] === RSP),
  ),
  dropClass(
    "drop-frame-copy",
    withOp((m, row) => m.code.ops.op[row] === OP_ADD && m.code.ops.src[row] === RSP && m.code.ops.dst[row] !== RSP),
  ),
  dropClass(
    "drop-stack-load",
    withOp((m, row) => m.code.ops.op[row] === OP_LOAD && [RSP, 5].includes(m.code.ops.src[row] as number)),
  ),
  dropClass("drop-return", ofKind(KIND_RETURN)),
  dropClass("drop-trap", ofKind(KIND_BUG)),
  dropClass("drop-call", ofKind(KIND_CALL, KIND_INTRA_CALL)),
  dropClass("drop-jump", ofKind(KIND_JUMP, KIND_TAIL_CALL)),
  dropClass("drop-branch", ofKind(KIND_BRANCH, KIND_CONDITIONAL_TAIL)),
  dropClass("drop-replacement", (m) =>
    insnsWhere(m, (i) => m.flow.instead.replacementOf.has(i) && m.flow.kind[i] !== KIND_NOP),
  ),
  dropEntry("drop-hint", ".discard.unwind_hints", HINT),
  dropEntry("drop-reachable", ".discard.reachable", 4),
  dropEntry("drop-intra-call", ".discard.intra_function_calls", 4),
  dropEntry("drop-retpoline-safe", ".discard.retpoline_safe", 4),
  dropEntry("drop-non-standard", ".discard.func_stack_frame_non_standard", 8),
  dropEntry("drop-fixup", "__ex_table", 12),
  dropEntry("drop-jump-label", "__jump_table", 16),
  dropEntry("drop-alternative", ".altinstructions", 14),
  moveTarget("move-fixup", "__ex_table", 12, 4),
  moveTarget("move-jump-label", "__jump_table", 16, 4),
  hintEdit("hint-type", (bytes, random) => {
    bytes[7] = pick(
      [0, 1, 2, 3, 4, 5, 6, 7].filter((type) => type !== bytes[7]),
      random,
    );
  }),
  hintEdit("hint-offset", (bytes, random) => {
    bytes[4] = ((bytes[4] as number) + pick([8, 16, 248], random)) & 255;
  }),
  hintEdit("hint-register", (bytes, random) => {
    bytes[6] = pick(
      [0, 4, 5, 6, 8, 9].filter((register) => register !== bytes[6]),
      random,
    );
  }),
  {
    name: "push-other-register",
    sites: withOp((m, row) => isShortPush(m, row, OP_PUSH, "src")),
    apply: (model, edit, insn, random) => otherRegister(model, edit, insn, random, [0, 3, 5]),
  },
  {
    name: "pop-other-register",
    sites: withOp((m, row) => isShortPush(m, row, OP_POP, "dst")),
    apply: (model, edit, insn, random) => otherRegister(model, edit, insn, random, [0, 1, 3, 5]),
  },
  {
    name: "branch-to-jump",
    sites: (m) =>
      insnsWhere(m, (i) => m.flow.kind[i] === KIND_BRANCH && m.code.insns.size[i] === 2 && m.code.reloc[i] === NONE),
    apply(model, edit, insn) {
      const { section, offset } = model.code.insns;
      const bytes = edit.read(section[insn] as number, offset[insn] as number, 2);
      return overwrite(model, edit, insn, [0xeb, bytes[1] as number]);
    },
  },
  {
    name: "swap-stac-clac",
    sites: ofKind(KIND_ACCESS_OPEN, KIND_ACCESS_CLOSE),
    // 0f 01 cb and 0f 01 ca
    apply: (model, edit, insn) =>
      overwrite(model, edit, insn, [0x0f, 0x01, model.flow.kind[insn] === KIND_ACCESS_OPEN ? 0xca : 0xcb]),
  },
  {
    name: "swap-std-cld",
    sites: ofKind(KIND_DIRECTION_SET, KIND_DIRECTION_CLEAR),
    apply: (model, edit, insn) =>
      overwrite(model, edit, insn, [model.flow.kind[insn] === KIND_DIRECTION_SET ? 0xfc : 0xfd]),
  },
  {
    name: "replace-instruction",
    sites: (m) => insnsWhere(m, (i) => m.flow.kind[i] === KIND_OTHER && m.code.reloc[i] === NONE && inFunctions(m, i)),
    apply(model, edit, insn, random) {
      const fitting = payloads.filter(([, bytes]) => bytes.length <= (model.code.insns.size[insn] as number));
      if (fitting.length === 0) return undefined;
      const [name, bytes] = pick(fitting, random);
      const done = overwrite(model, edit, insn, bytes);
      return { ...done, after: `${done.after} (${name})` };
    },
  },
  branchDisplacement,
  branchRelocation,
  callRetarget("call-to-noreturn", true),
  callRetarget("call-from-noreturn", false),
];
