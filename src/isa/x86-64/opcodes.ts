import * as d from "./descriptor.ts";
import { RAX, RBP, RCX, RDI, RDX, RSI, RSP } from "./registers.ts";

// The one-byte opcode map of 64-bit mode (SDM volume 2, table A-2) and its groups (table A-6). An opcode that is not named
// here (06, 07, 0e, 16, 17, 1e, 1f, 27, 2f, 37, 3f, 60, 61, 82, 9a, ce, d4, d5, ea) does not exist in 64-bit mode.

const { OTHER, MODRM, LOCKABLE, IMM_8, IMM_16, IMM_Z, IMM_V, IMM_ADDRESS, action } = d;
const P = d.MAP_PRIMARY;
const AX = 1 << RAX;
const CX = 1 << RCX;
const DX = 1 << RDX;
const SP = 1 << RSP;
const SI = 1 << RSI;
const DI = 1 << RDI;

export function definePrimaryMap(): void {
  defineArithmetic();
  defineStack();
  defineMoves();
  defineStrings();
  defineControl();
  defineX87();
  d.fill(P, "26 2e 36 3e 40-4f 64-67 f0 f2 f3", d.PREFIX);
  d.fill(P, "0f 62 c4 c5", d.ESCAPE);
}

/** Rows 0 to 3 of the map, and the groups of unary and shift operations. */
function defineArithmetic(): void {
  // add, or, adc, sbb, and, sub, xor, cmp; cmp writes flags alone
  const rmAction = [d.ACTION_ADD_RM, 0, 0, 0, d.ACTION_AND_RM, d.ACTION_SUB_RM, 0, 0];
  for (let operation = 0; operation < 8; operation++) {
    const at = P + operation * 8;
    const writes = operation === 7 ? 0 : -1;
    const lock = LOCKABLE & writes;
    const toSum = operation === 0 || operation === 5; // add and sub: what they do to the stack pointer has a name
    const accumulator = [d.ACTION_ADD_ACCUMULATOR, 0, 0, 0, d.ACTION_AND_ACCUMULATOR, d.ACTION_SUB_ACCUMULATOR, 0, 0];
    d.put(at, OTHER | MODRM | (d.W_RM8 & writes) | lock);
    d.put(at + 1, OTHER | MODRM | (d.W_RM & writes) | lock | (toSum ? action(d.ACTION_ADD_REG_TO_RM) : 0));
    d.put(at + 2, OTHER | MODRM | (d.W_REG8 & writes));
    d.put(at + 3, OTHER | MODRM | (d.W_REG & writes) | (toSum ? action(d.ACTION_ADD_RM_TO_REG) : 0));
    d.put(at + 4, [OTHER | IMM_8, AX & writes]);
    d.put(at + 5, [OTHER | IMM_Z | action(accumulator[operation] as number), AX & writes]);
  }
  const immediateGroup = (immediate: number, writesRm: number, withAction: boolean) =>
    d.group(
      rmAction.map((id, operation) => {
        const base = OTHER | MODRM | immediate | (withAction ? action(id) : 0);
        return operation === 7 ? base : base | writesRm | LOCKABLE;
      }),
    );
  d.put(P + 0x80, immediateGroup(IMM_8, d.W_RM8, false));
  d.put(P + 0x81, immediateGroup(IMM_Z, d.W_RM, true));
  d.put(P + 0x83, immediateGroup(IMM_8, d.W_RM, true));

  d.fill(P, "69", OTHER | MODRM | IMM_Z | d.W_REG); // imul
  d.fill(P, "6b", OTHER | MODRM | IMM_8 | d.W_REG);
  d.fill(P, "84-85", OTHER | MODRM); // test
  d.fill(P, "a8", OTHER | IMM_8);
  d.fill(P, "a9", OTHER | IMM_Z);
  d.fill(P, "98", [OTHER, AX]); // cbw, cwde, cdqe
  d.fill(P, "99", [OTHER, DX]); // cwd, cdq, cqo
  d.fill(P, "9e f5 f8-fb", OTHER); // sahf, cmc, clc, stc, cli, sti
  d.fill(P, "9f d7", [OTHER, AX]); // lahf, xlat

  // Shifts and rotations; /6 is an alias of /4.
  const shift = (writes: number, immediate: number) =>
    d.group(new Array<number>(8).fill(OTHER | MODRM | writes | immediate));
  d.put(P + 0xc0, shift(d.W_RM8, IMM_8));
  d.put(P + 0xc1, shift(d.W_RM, IMM_8));
  d.fill(P, "d0 d2", shift(d.W_RM8, 0));
  d.fill(P, "d1 d3", shift(d.W_RM, 0));

  // test, test, not, neg, mul, imul, div, idiv; the byte forms of the last four have their result in ax
  const unary = (writes: number, immediate: number, product: number): d.Entry[] => [
    OTHER | MODRM | immediate,
    OTHER | MODRM | immediate,
    OTHER | MODRM | writes | LOCKABLE,
    OTHER | MODRM | writes | LOCKABLE,
    ...new Array<d.Entry>(4).fill([OTHER | MODRM, product]),
  ];
  d.put(P + 0xf6, d.group(unary(d.W_RM8, IMM_8, AX)));
  d.put(P + 0xf7, d.group(unary(d.W_RM, IMM_Z, AX | DX)));
  d.put(P + 0xfe, d.group([OTHER | MODRM | d.W_RM8 | LOCKABLE, OTHER | MODRM | d.W_RM8 | LOCKABLE]));
  const increment = [
    OTHER | MODRM | d.W_RM | LOCKABLE | action(d.ACTION_INC),
    OTHER | MODRM | d.W_RM | LOCKABLE | action(d.ACTION_DEC),
  ];
  const nearCall = d.INDIRECT_CALL | MODRM | action(d.ACTION_INDIRECT);
  const nearJump = d.INDIRECT_JUMP | MODRM | action(d.ACTION_INDIRECT);
  const push: d.Entry = [OTHER | MODRM | action(d.ACTION_PUSH_RM), SP];
  // /3 and /5 are far and take a pointer in memory only
  d.put(
    P + 0xff,
    d.group(
      [...increment, nearCall, d.INDIRECT_CALL | MODRM, nearJump, d.INDIRECT_JUMP | MODRM | action(d.ACTION_FAR), push],
      [...increment, nearCall, 0, nearJump, 0, push],
    ),
  );
}

function defineStack(): void {
  d.fill(P, "50-57", [OTHER | action(d.ACTION_PUSH_OPCODE), SP]);
  d.fill(P, "58-5f", [OTHER | d.W_RM | action(d.ACTION_POP_OPCODE), SP]);
  d.fill(P, "68", [OTHER | IMM_Z | action(d.ACTION_PUSH_OTHER), SP]);
  d.fill(P, "6a", [OTHER | IMM_8 | action(d.ACTION_PUSH_OTHER), SP]);
  d.put(P + 0x8f, d.group([[OTHER | MODRM | d.W_RM | action(d.ACTION_POP_RM), SP]]));
  d.fill(P, "9c", [OTHER | action(d.ACTION_PUSH_FLAGS), SP]);
  d.fill(P, "9d", [OTHER | action(d.ACTION_POP_FLAGS), SP]);
  d.fill(P, "c8", [OTHER | d.IMM_ENTER, SP | (1 << RBP)]);
  d.fill(P, "c9", [OTHER | action(d.ACTION_LEAVE), SP | (1 << RBP)]);
}

function defineMoves(): void {
  d.fill(P, "63", OTHER | MODRM | d.W_REG); // movsxd
  d.fill(P, "86", OTHER | MODRM | d.W_REG8 | d.W_RM8 | LOCKABLE); // xchg
  d.fill(P, "87", OTHER | MODRM | d.W_REG | d.W_RM | LOCKABLE);
  d.fill(P, "88", OTHER | MODRM | d.W_RM8);
  d.fill(P, "89", OTHER | MODRM | d.W_RM | action(d.ACTION_MOVE_TO_RM));
  d.fill(P, "8a", OTHER | MODRM | d.W_REG8);
  d.fill(P, "8b", OTHER | MODRM | d.W_REG | action(d.ACTION_MOVE_TO_REG));
  // Six segment registers. A load of cs decodes everywhere and is undefined everywhere.
  const segment = OTHER | MODRM;
  d.put(P + 0x8c, d.group(new Array<number>(6).fill(segment | d.W_RM)));
  d.put(P + 0x8e, d.group([segment, segment | action(d.ACTION_UNDEFINED), segment, segment, segment, segment]));
  d.fill(P, "8d", OTHER | MODRM | d.W_REG | action(d.ACTION_LEA));
  d.fill(P, "90", d.NOP | action(d.ACTION_NOP));
  d.fill(P, "91-97", [OTHER | d.W_RM, AX]); // xchg with rax
  d.fill(P, "a0-a1", [OTHER | IMM_ADDRESS, AX]);
  d.fill(P, "a2-a3", OTHER | IMM_ADDRESS);
  d.fill(P, "b0-b7", OTHER | IMM_8 | d.W_RM8);
  d.fill(P, "b8-bf", OTHER | IMM_V | d.W_RM);
  // mov with an immediate; c6 f8 is xabort, c7 f8 xbegin: a conditional branch to the abort handler, which writes eax
  const none = [0, 0, 0, 0, 0, 0];
  const transaction = action(d.ACTION_TRANSACTION);
  const byte = OTHER | MODRM | IMM_8 | d.W_RM8;
  const full = OTHER | MODRM | IMM_Z | d.W_RM;
  d.put(P + 0xc6, d.group([byte], [byte, ...none, OTHER | MODRM | IMM_8 | transaction]));
  d.put(P + 0xc7, d.group([full], [full, ...none, [d.BRANCH | MODRM | d.IMM_REL32 | transaction, AX]]));
}

function defineStrings(): void {
  const string = OTHER | action(d.ACTION_STRING);
  d.fill(P, "6c-6d", [string, DI]); // ins
  d.fill(P, "6e-6f", [string, SI]); // outs
  d.fill(P, "a4-a7", [string, SI | DI]); // movs, cmps
  d.fill(P, "aa-ab ae-af", [string, DI]); // stos, scas
  d.fill(P, "ac-ad", [string, SI | AX]); // lods
}

function defineControl(): void {
  d.fill(P, "70-7f", d.BRANCH | d.IMM_REL8);
  d.fill(P, "c2", [d.RETURN | IMM_16, SP]);
  d.fill(P, "c3", d.RETURN);
  d.fill(P, "ca", [d.RETURN | IMM_16 | action(d.ACTION_FAR), SP]);
  d.fill(P, "cb", d.RETURN | action(d.ACTION_FAR));
  d.fill(P, "cc", d.TRAP);
  d.fill(P, "cd", OTHER | IMM_8); // int
  d.fill(P, "cf", d.CONTEXT_RETURN | action(d.ACTION_IRET)); // iret
  d.fill(P, "d6", d.BUG); // udb
  d.fill(P, "e0-e2", [d.BRANCH | d.IMM_REL8, CX]); // loopne, loope, loop
  d.fill(P, "e3", d.BRANCH | d.IMM_REL8); // jrcxz
  d.fill(P, "e4-e5", [OTHER | IMM_8, AX]); // in
  d.fill(P, "e6-e7", OTHER | IMM_8); // out
  d.fill(P, "e8", d.CALL | d.IMM_REL32);
  d.fill(P, "e9", d.JUMP | d.IMM_REL32);
  d.fill(P, "eb", d.JUMP | d.IMM_REL8);
  d.fill(P, "ec-ed", [OTHER, AX]); // in
  d.fill(P, "ee-ef 9b f1 f4", OTHER); // out, fwait, int1, hlt
  d.fill(P, "fc", d.DIRECTION_CLEAR);
  d.fill(P, "fd", d.DIRECTION_SET);
}

/** x87 (SDM volume 2, tables ). */
function defineX87(): void {
  const x = OTHER | MODRM;
  const all = new Array<number>(8).fill(x);
  d.fill(P, "d8 dc", x);
  d.put(P + 0xd9, d.group([x, 0, x, x, x, x, x, x], [x, x, x, x, x, x, x, x]));
  d.put(P + 0xda, d.group(all, [x, x, x, x, 0, x, 0, 0]));
  d.put(P + 0xdb, d.group([x, x, x, x, 0, x, 0, x], [x, x, x, x, x, x, x, 0]));
  d.put(P + 0xdd, d.group([x, x, x, x, x, 0, x, x], [x, x, x, x, x, x, 0, 0]));
  d.put(P + 0xde, d.group(all, [x, x, x, x, x, x, x, x]));
  d.put(P + 0xdf, d.group(all, [x, x, x, x, x | action(d.ACTION_X87_STATUS), x, x, 0]));
}
