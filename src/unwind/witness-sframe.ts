import type { Arch } from "../isa/arch.ts";
import { NO_REGISTER } from "../isa/insn-table.ts";
import {
  SFRAME_CFA_MEMORY,
  SFRAME_CFA_NONE,
  SFRAME_IN_MEMORY,
  SFRAME_IN_REGISTER,
  SFRAME_IS_CFA,
  SFRAME_NOWHERE,
  SFRAME_ON_STACK,
  type SFrame,
  type SFrameNote,
} from "../sframe/table.ts";
import {
  CFA_DEREF,
  CFA_EXPRESSION,
  CFA_NOT_SAID,
  CFA_REGISTER,
  FRAME_END_OF_STACK,
  FRAME_SIGNAL,
  FRAME_SIGNED_ADDRESS,
  type FrameDraft,
  RETURN_ADDRESS,
  RULE_AT_CFA,
  RULE_AT_REGISTER,
  RULE_EXPRESSION,
  RULE_IN_REGISTER,
  RULE_IS_CFA,
  RULE_NOT_SAID,
  RULE_SAME,
  RULE_UNDEFINED,
  type RuleDraft,
  WitnessBuilder,
  type WitnessRows,
} from "./witness-rows.ts";

// What .sframe says, in the rows of all witnesses. It speaks of the CFA, the return address and the frame pointer, and of no other register.
// A function without an entry has no rows: the assembler leaves one out, with a warning at most, where the directives need more than the format
// can say (another base than stack or frame pointer before version 3), and never writes one for code without directives.

/** Rows that functions with repeated blocks may make in all: no bytes of the section stand for them. No object of a kernel has such a function. */
const BLOCK_ROW_BUDGET = 1 << 18;

export interface SFrameWitness {
  readonly witness: WitnessRows;
  /** Those of the reader, and functions whose rows are not here. */
  readonly notes: readonly SFrameNote[];
}

/** @param sframe of an object that `arch` belongs to, its functions placed in sections */
export function witnessSFrame(arch: Arch, sframe: SFrame): SFrameWitness {
  const { functions, rows } = sframe;
  const builder = new WitnessBuilder("sframe", [arch.registers.fp, RETURN_ADDRESS]);
  const notes = [...sframe.notes];
  let budget = BLOCK_ROW_BUDGET;
  for (let f = 0; f < functions.length; f++) {
    const first = functions.rowStart[f] as number;
    const count = (functions.rowEnd[f] as number) - first;
    if (count === 0) continue;
    const section = functions.section[f] as number;
    const start = functions.start[f] as number;
    const size = functions.size[f] as number;
    const signal = functions.signal[f] === 1;
    const frames = Array.from({ length: count }, (_, n) => builder.frame(frameOf(arch, sframe, first + n, signal)));
    const masked = functions.masked[f] === 1;
    const step = masked ? (functions.blockSize[f] as number) : size;
    if (masked && (step === 0 || Math.ceil(size / step) * count > budget)) {
      const why = step === 0 ? "repeats a block of a size that is not said" : "repeats its block too often";
      notes.push({ offset: functions.entry[f] as number, text: `a function of ${size} bytes ${why}` });
      continue;
    }
    if (masked) budget -= Math.ceil(size / step) * count;
    for (let at = 0; at < size; at += step) {
      const end = Math.min(at + step, size);
      for (let n = 0; n < count; n++) {
        const next = n + 1 < count ? at + (rows.start[first + n + 1] as number) : end;
        const from = at + (rows.start[first + n] as number);
        builder.add(section, start + from, start + Math.min(next, end), frames[n] as number);
      }
    }
  }
  return { witness: builder.finish(), notes };
}

function frameOf(arch: Arch, { rows }: SFrame, row: number, signal: boolean): FrameDraft {
  const { fp, link } = arch.registers;
  const cfa = rows.cfa[row] as number;
  const flags =
    (signal ? FRAME_SIGNAL : 0) |
    (rows.mangled[row] === 1 ? FRAME_SIGNED_ADDRESS : 0) |
    (cfa === SFRAME_CFA_NONE ? FRAME_END_OF_STACK : 0);
  const rules = [
    ruleOf(
      arch,
      RETURN_ADDRESS,
      link,
      rows.ra[row] as number,
      rows.raRegister[row] as number,
      rows.raOffset[row] as number,
    ),
    ruleOf(arch, fp, fp, rows.fp[row] as number, rows.fpRegister[row] as number, rows.fpOffset[row] as number),
  ];
  // The row of an outermost frame says that there is no caller, and nothing of where this frame ends.
  if (cfa === SFRAME_CFA_NONE) return { cfa: CFA_NOT_SAID, flags, rules };
  const cfaRegister = arch.registers.ofDwarf[rows.cfaRegister[row] as number] ?? NO_REGISTER;
  if (cfaRegister === NO_REGISTER) return { cfa: CFA_EXPRESSION, flags, rules };
  const kind = cfa === SFRAME_CFA_MEMORY ? CFA_DEREF : CFA_REGISTER;
  return { cfa: kind, cfaRegister, cfaOffset: rows.cfaOffset[row] as number, flags, rules };
}

/** @param home the register that has the value as long as it is not saved; NO_REGISTER for one that never is in a register */
function ruleOf(arch: Arch, register: number, home: number, place: number, dwarf: number, offset: number): RuleDraft {
  switch (place) {
    case SFRAME_ON_STACK:
      return { register, rule: RULE_AT_CFA, offset };
    case SFRAME_IS_CFA:
      return { register, rule: RULE_IS_CFA, offset };
    case SFRAME_NOWHERE:
      return { register, rule: register === RETURN_ADDRESS ? RULE_UNDEFINED : RULE_NOT_SAID };
    case SFRAME_IN_MEMORY:
    case SFRAME_IN_REGISTER: {
      const base = arch.registers.ofDwarf[dwarf] ?? NO_REGISTER;
      if (base === NO_REGISTER) return { register, rule: RULE_EXPRESSION };
      if (place === SFRAME_IN_MEMORY) return { register, rule: RULE_AT_REGISTER, base, offset };
      return base === home && offset === 0
        ? { register, rule: RULE_SAME }
        : { register, rule: RULE_IN_REGISTER, base, offset };
    }
    default:
      return { register, rule: home === NO_REGISTER ? RULE_NOT_SAID : RULE_SAME };
  }
}
