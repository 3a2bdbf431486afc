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
import { accessEdits } from "./access-edits.ts";
import type { ObjectEdit } from "./object-edit.ts";
import type { ObjectModel } from "./object-model.ts";
import { promiseEdits } from "./promise-edits.ts";
import { below, pick, type Random } from "./random.ts";
import { branchDisplacement, branchRelocation, callRetarget } from "./retarget.ts";
import { type Done, insnsWhere, type MutationClass, overwrite } from "./sites.ts";
import { tableEdits } from "./table-edits.ts";

// The ways in which an object is broken. Nothing is inserted: what is dropped is overwritten by no-ops (or traps) of equal length.

const RSP = 4;
const R10 = 10;
const NOP = 0x90;
const INT3 = 0xcc;

function hasOp(model: ObjectModel, insn: number, wanted: (row: number) => boolean): boolean {
  const { insns, ops } = model.code;
  const first = insns.op.at(insn);
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
  ["ret", [0xc3]],
  ["call *%rax", [0xff, 0xd0]],
  ["jmp *%rax", [0xff, 0xe0]],
  ["notrack jmp *%rax", [0x3e, 0xff, 0xe0]],
  ["iretq", [0x48, 0xcf]],
  ["sysretq", [0x48, 0x0f, 0x07]],
  ["syscall", [0x0f, 0x05]],
  ["endbr64", [0xf3, 0x0f, 0x1e, 0xfa]],
  ["int3", [0xcc]],
  ["hlt", [0xf4]],
  ["mov %rax,%rbp", [0x48, 0x89, 0xc5]],
  ["no instruction", [0x06]],
  ["no instruction of two bytes", [0x0f, 0x04]],
  ["no instruction of a group", [0xff, 0xff]],
  ["mov 8(%rax),%rbp", [0x48, 0x8b, 0x68, 0x08]],
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
  ...tableEdits,
  ...promiseEdits,
  ...accessEdits,
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
      insnsWhere(m, (i) => m.flow.kind[i] === KIND_BRANCH && m.code.insns.size[i] === 2 && m.code.reloc.at(i) === NONE),
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
    sites: (m) =>
      insnsWhere(m, (i) => m.flow.kind[i] === KIND_OTHER && m.code.reloc.at(i) === NONE && inFunctions(m, i)),
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
  {
    name: "realign-register",
    sites: (m) =>
      insnsWhere(m, (i) => {
        const { section, offset, size } = m.code.insns;
        const at = offset[i] as number;
        return (
          size[i] === 5 &&
          hasOp(m, i, (row) => m.code.ops.dst[row] === R10 && m.code.ops.src[row] === RSP) &&
          m.code.object.bytes(section[i] as number)[at] === 0x4c
        );
      }),
    // lea 8(%rsp),%r10 is 4c 8d 54 24 08; %rcx and %rax in its place
    apply(model, edit, insn, random) {
      const done = overwrite(model, edit, insn, [0x48, 0x8d, pick([0x4c, 0x44], random), 0x24, 0x08]);
      return done.before.startsWith("4c 8d 54 24") ? done : undefined;
    },
  },
];
