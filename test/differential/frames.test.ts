import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { KIND_NOP } from "../../src/isa/insn-table.ts";
import {
  describeCfa,
  type FrameState,
  NOWHERE,
  offsetOf,
  place,
  SPACE_ALIGNED,
  SPACE_CFA,
  spaceOf,
} from "../../src/unwind/state.ts";
import { compile } from "../support/assemble.ts";
import { type BuiltFlow, buildFlowOf } from "../support/built-flow.ts";
import { type CfiRow, parseCfiRows } from "../support/cfi-rows.ts";
import { generateC } from "../support/generated-c.ts";

// Two witnesses of one fact: where the caller's frame is at every instruction, by the simulation of the instructions and by the
// .eh_frame that gcc wrote while it made them, as readelf interprets it.

const SEED = 20260;
const ROUNDS = 2;
const OPTION = "--debug-dump=frames-interp";
const common = [
  "-fasynchronous-unwind-tables",
  // One section of code, so that readelf's addresses are offsets in it.
  "-fno-reorder-blocks-and-partition",
  "-mno-red-zone",
  "-mno-sse",
  "-fno-PIE",
  "-fcf-protection=none",
];
const variants: readonly (readonly string[])[] = [
  [],
  ["-mpreferred-stack-boundary=3"],
  ["-fno-omit-frame-pointer"],
  ["-fstack-protector-strong"],
  ["-maccumulate-outgoing-args", "-fno-jump-tables"],
];

interface Tally {
  /** Instructions at which both name the same CFA, by register and offset. */
  sameCfa: number;
  /** Tolerated: gcc writes the CFA of a realigned frame as an expression, where ours says in which slot of the frame it is kept. */
  asExpression: number;
  /** Tolerated: before a realignment the CFA is known by %rsp and by the DRAP register, and the two choose differently. */
  bothRegisters: number;
  /** Slots of saved registers on which both agree. */
  sameSlot: number;
  /** Tolerated: gcc tells of a push only where the register is about to change; until then it still holds the caller's value. */
  toldLater: number;
  /** Tolerated: gcc goes on naming the slot for a while after the register was read back from it. */
  toldLonger: number;
}

function compare(b: BuiltFlow, rows: readonly CfiRow[]): { tally: Tally; differences: string[] } {
  const tally: Tally = { sameCfa: 0, asExpression: 0, bothRegisters: 0, sameSlot: 0, toldLater: 0, toldLonger: 0 };
  const differences: string[] = [];
  const { code, frames } = b;
  const { name } = code.arch.registers;
  const rowAt = rowFinder(rows);
  for (let i = 0; i < b.flow.kind.length; i++) {
    const offset = code.insns.offset[i]!;
    const row = rowAt(offset);
    if (row === undefined) continue;
    const f = b.functions.ofInsn[i]!;
    const where = `${b.nameOf(f)}+0x${(offset - b.functions.table.start[f]!).toString(16)}`;
    if (frames.state[i] === NONE) {
      if (b.flow.kind[i] !== KIND_NOP) differences.push(`${where}: not reached`);
      continue;
    }
    const state = frames.states.all[frames.state[i]!]!;
    const cfa = describeCfa(code.arch, state).slice("CFA=".length);
    if (cfa === row.cfa) tally.sameCfa++;
    else if (row.cfa === "exp" && cfa.startsWith("(rbp")) tally.asExpression++;
    else if (holdsCfa(state, name, row.cfa)) tally.bothRegisters++;
    else differences.push(`${where}: ${cfa}, gcc says ${row.cfa}`);
    for (let r = 0; r < name.length; r++) {
      const ours = slotText(state.saved[r]!);
      const theirs = row.register.get(name[r]!) ?? "u";
      if (ours === "u" && theirs === "u") continue;
      if (ours === theirs || (ours === "aligned" && theirs === "exp")) tally.sameSlot++;
      else if (theirs === "u" && staysUntilTold(b, rowAt, i, r, f)) tally.toldLater++;
      else if (ours === "u" && wasSavedThere(b, i, r, f)) tally.toldLonger++;
      else differences.push(`${where}: ${name[r]} ${ours}, gcc says ${theirs}`);
    }
  }
  return { tally, differences };
}

function rowFinder(rows: readonly CfiRow[]): (offset: number) => CfiRow | undefined {
  let r = 0;
  return (offset) => {
    while (r > 0 && rows[r - 1]!.to > offset) r--;
    while (r < rows.length && rows[r]!.to <= offset) r++;
    const row = rows[r];
    return row !== undefined && row.from <= offset ? row : undefined;
  };
}

function slotText(at: number): string {
  if (at === NOWHERE) return "u";
  return spaceOf(at) === SPACE_ALIGNED ? "aligned" : `c${offsetOf(at)}`;
}

/** "r10+0" where ours is another register: does ours know that this one holds the CFA at that offset too? */
function holdsCfa(state: FrameState, names: readonly string[], cfa: string): boolean {
  const [, register, offset] = /^([a-z]\w+)([+-]\d+)$/.exec(cfa) ?? [];
  if (register === undefined) return false;
  return state.value[names.indexOf(register)] === place(SPACE_CFA, -Number(offset));
}

/** gcc tells where the register was saved no later than right behind the instruction that changes it. */
function staysUntilTold(
  b: BuiltFlow,
  rowAt: (offset: number) => CfiRow | undefined,
  insn: number,
  register: number,
  f: number,
): boolean {
  const { insns, arch } = b.code;
  for (let i = insn, written = false; b.functions.ofInsn[i] === f; i++) {
    const told = rowAt(insns.offset[i]!)?.register.get(arch.registers.name[register]!) ?? "u";
    if (told !== "u" || written) return told !== "u";
    written = ((insns.writes[i]! >>> register) & 1) === 1;
  }
  return false;
}

/** The last instruction before here that wrote the register found its caller's value in a slot, and read it back. */
function wasSavedThere(b: BuiltFlow, insn: number, register: number, f: number): boolean {
  const { insns } = b.code;
  for (let i = insn - 1; i >= 0 && b.functions.ofInsn[i] === f; i--) {
    if (((insns.writes[i]! >>> register) & 1) === 0) continue;
    const state = b.frames.states.all[b.frames.state[i]!];
    return state !== undefined && state.saved[register] !== NOWHERE;
  }
  return false;
}

const total: Tally = { sameCfa: 0, asExpression: 0, bothRegisters: 0, sameSlot: 0, toldLater: 0, toldLonger: 0 };

for (const optimisation of ["-O0", "-O1", "-O2", "-Os"]) {
  test(`the simulated frame is the one that gcc wrote down, at every instruction: ${optimisation}`, () => {
    const source = generateC(SEED, ROUNDS);
    for (const variant of variants) {
      const built = compile(source, [optimisation, ...variant, ...common], [OPTION]);
      const b = buildFlowOf(built.bytes, (symbol) => (symbol === "__stack_chk_fail" ? true : undefined));
      const rows = parseCfiRows(built.readelf.get(OPTION)!);
      const { tally, differences } = compare(b, rows);
      assert.deepEqual(differences.slice(0, 10), [], variant.join(" "));
      assert.deepEqual(b.frames.events, [], variant.join(" "));
      // Every function has its row, so none is passed over.
      assert.ok(b.functions.table.length >= 16 * ROUNDS);
      for (let f = 0; f < b.functions.table.length; f++) {
        const start = b.functions.table.start[f]!;
        assert.ok(
          rows.some((row) => row.from === start),
          b.nameOf(f),
        );
      }
      for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
    }
  });
}

test("what was compared, and what was tolerated, by name", (t) => {
  t.diagnostic(JSON.stringify(total));
  assert.ok(total.sameCfa > 10_000 && total.sameSlot > 10_000);
  const tolerated = total.asExpression + total.bothRegisters + total.toldLater + total.toldLonger;
  assert.ok(tolerated < (total.sameCfa + total.sameSlot) / 20, `${tolerated} tolerated`);
});
