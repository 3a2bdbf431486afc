import { InvariantError } from "../base/errors.ts";
import { lowerBound, NONE, type Table, TableBuilder } from "../base/table.ts";
import type { Arch } from "../isa/arch.ts";
import { NO_REGISTER } from "../isa/insn-table.ts";

// What one witness says of where the caller's frame is: our simulation, .debug_frame, .eh_frame, .sframe, .orc_unwind and the hints of
// assembly all come down to these rows, so that any two of them can be compared.
//
//   row    a range of bytes of one section, and the frame that holds there
//   frame  how the CFA is computed, and a rule for each register; equal frames of one witness are one frame
//   rule   how the caller's value of a register is got back
//
// The CFA is the stack pointer's value before the call (x86-64) or at the entry (arm64). Registers have the numbers of Arch.registers, and
// RETURN_ADDRESS stands for the address that the function returns to. A machine with a link register has its rule under RETURN_ADDRESS alone.
// Where no row covers a byte the witness says nothing at all of it.

/** The register number under which the return address has its rule, on every machine. */
export const RETURN_ADDRESS = 32;

// How the CFA is computed.
/** The witness has a row here and does not say. */
export const CFA_NOT_SAID = 0;
/** register + offset */
export const CFA_REGISTER = 1;
/** memory[register + offset] + behind, a word: a realigned frame keeps the CFA in a slot; a switched stack has the old stack pointer on top */
export const CFA_DEREF = 2;
/** There is no CFA: nothing can be unwound from here. */
export const CFA_UNDEFINED = 3;
/** By an expression that is none of the above. */
export const CFA_EXPRESSION = 4;

// How the caller's value of a register is got back.
/** The register still has it. Never stored: a register that the witness tracks has this rule in a frame that lists no other for it. */
export const RULE_SAME = 0;
/** memory[CFA + offset] */
export const RULE_AT_CFA = 1;
/** memory[base + offset] */
export const RULE_AT_REGISTER = 2;
/** base + offset, with offset 0 for a plain copy */
export const RULE_IN_REGISTER = 3;
/** CFA + offset */
export const RULE_IS_CFA = 4;
/** It cannot be got back. */
export const RULE_UNDEFINED = 5;
/** By an expression that is none of the above. */
export const RULE_EXPRESSION = 6;
/** The witness tracks the register and does not say in this frame. */
export const RULE_NOT_SAID = 7;

// Bits of a frame's `flags`.
/** The frame was interrupted, not left by a call: the address in it is that of the next instruction to execute. */
export const FRAME_SIGNAL = 1 << 0;
/** The outermost frame: there is no caller. */
export const FRAME_END_OF_STACK = 1 << 1;
/** The return address is signed (arm64 pointer authentication). */
export const FRAME_SIGNED_ADDRESS = 1 << 2;
/** The CFA is where a full set of registers was saved (struct pt_regs): the rules of all registers follow from that and are not listed. */
export const FRAME_FULL_REGS = 1 << 3;
/** The same for the part of the set that the hardware saves: the other registers are not said. */
export const FRAME_PARTIAL_REGS = 1 << 4;

const rowSchema = {
  /** -> ELF section of the code */ section: "i32",
  /** first byte: offset in the section */ start: "u32",
  /** behind the last byte */ end: "u32",
  /** -> frame */ frame: "u32",
} as const;
/** Sorted by section, then start; rows do not overlap; neighbours with one frame may follow each other. */
export type WitnessRowTable = Table<typeof rowSchema>;

const frameSchema = {
  /** CFA_* */ cfa: "u8",
  /** CFA_REGISTER, CFA_DEREF: register, else NO_REGISTER */ cfaRegister: "u8",
  /** bytes that are added to the register */ cfaOffset: "i32",
  /** CFA_DEREF: bytes that are added to the word, else 0 */ cfaBehind: "i32",
  /** FRAME_* */ flags: "u8",
  /** -> rule */ ruleStart: "u32",
  /** -> rule, half-open */ ruleEnd: "u32",
} as const;
export type WitnessFrameTable = Table<typeof frameSchema>;

const ruleSchema = {
  /** whose caller's value it is */ register: "u8",
  /** RULE_*, never RULE_SAME */ rule: "u8",
  /** RULE_AT_REGISTER, RULE_IN_REGISTER: register, else NO_REGISTER */ base: "u8",
  /** bytes */ offset: "i32",
} as const;
/** The rules of one frame stand together, sorted by register; one a register. */
export type WitnessRuleTable = Table<typeof ruleSchema>;

export type WitnessKind = "instructions" | "debug_frame" | "eh_frame" | "sframe" | "orc" | "hints";

export interface WitnessRows {
  readonly witness: WitnessKind;
  /** Registers that it speaks of: one that it tracks and lists no rule for is the same. Of every other register it says nothing. Sorted. */
  readonly tracked: readonly number[];
  readonly rows: WitnessRowTable;
  readonly frames: WitnessFrameTable;
  readonly rules: WitnessRuleTable;
  /** Rows that began inside another one: the one that begins later counts from there on. */
  readonly overlaps: number;
}

/** Offsets are whole bytes of 32 bits; what does not fit is for the reader to say as an expression. */
export interface RuleDraft {
  readonly register: number;
  readonly rule: number;
  /** NO_REGISTER when absent */
  readonly base?: number;
  /** 0 when absent */
  readonly offset?: number;
}

export interface FrameDraft {
  readonly cfa: number;
  /** NO_REGISTER when absent */
  readonly cfaRegister?: number;
  /** 0 when absent */
  readonly cfaOffset?: number;
  /** 0 when absent */
  readonly cfaBehind?: number;
  /** 0 when absent */
  readonly flags?: number;
  /** In any order; one a register; those of RULE_SAME may be there and count for nothing. */
  readonly rules: readonly RuleDraft[];
}

/** Collects rows in any order. A reader calls `frame` for what holds and `add` for where it holds. */
export class WitnessBuilder {
  readonly #witness: WitnessKind;
  readonly #tracked: readonly number[];
  readonly #rows = new TableBuilder(rowSchema, 256);
  readonly #frames = new TableBuilder(frameSchema, 64);
  readonly #rules = new TableBuilder(ruleSchema, 256);
  readonly #known = new Map<string, number>();

  constructor(witness: WitnessKind, tracked: readonly number[]) {
    this.#witness = witness;
    this.#tracked = [...tracked].sort((a, b) => a - b);
  }

  /** The number of that frame, the same for equal ones. */
  frame(draft: FrameDraft): number {
    const rules = draft.rules.filter(({ rule }) => rule !== RULE_SAME).sort((a, b) => a.register - b.register);
    const row = {
      cfa: draft.cfa,
      cfaRegister: draft.cfaRegister ?? NO_REGISTER,
      cfaOffset: draft.cfaOffset ?? 0,
      cfaBehind: draft.cfaBehind ?? 0,
      flags: draft.flags ?? 0,
    };
    let key = `${row.cfa} ${row.cfaRegister} ${row.cfaOffset} ${row.cfaBehind} ${row.flags}`;
    for (const { register, rule, base, offset } of rules)
      key += `;${register} ${rule} ${base ?? NO_REGISTER} ${offset ?? 0}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const ruleStart = this.#rules.length;
    for (const { register, rule, base, offset } of rules) {
      if (!this.#tracked.includes(register))
        throw new InvariantError(`${this.#witness}: a rule for register ${register}, which is not tracked`);
      this.#rules.push({ register, rule, base: base ?? NO_REGISTER, offset: offset ?? 0 });
    }
    const frame = this.#frames.push({ ...row, ruleStart, ruleEnd: this.#rules.length });
    this.#known.set(key, frame);
    return frame;
  }

  /** `frame` holds for bytes `start` to before `end` of `section`; a range without bytes counts for nothing. */
  add(section: number, start: number, end: number, frame: number): void {
    if (start < end) this.#rows.push({ section, start, end, frame });
  }

  finish(): WitnessRows {
    const { rows, overlaps } = inOrder(this.#rows.finish());
    return {
      witness: this.#witness,
      tracked: this.#tracked,
      rows,
      frames: this.#frames.finish(),
      rules: this.#rules.finish(),
      overlaps,
    };
  }
}

/** Sorted, and cut where the next row begins. */
function inOrder(rows: WitnessRowTable): { rows: WitnessRowTable; overlaps: number } {
  const { section, start, end, frame, length } = rows;
  const order = Array.from({ length }, (_, row) => row);
  order.sort(
    (a, b) => (section[a] as number) - (section[b] as number) || (start[a] as number) - (start[b] as number) || a - b,
  );
  const sorted = new TableBuilder(rowSchema, Math.max(1, length));
  const { columns } = sorted;
  let overlaps = 0;
  for (const row of order) {
    let at = sorted.length;
    if (
      at > 0 &&
      columns.section[at - 1] === section[row] &&
      (columns.end[at - 1] as number) > (start[row] as number)
    ) {
      overlaps++;
      columns.end[at - 1] = start[row] as number;
      if (columns.start[at - 1] === start[row]) at--;
    }
    columns.section[at] = section[row] as number;
    columns.start[at] = start[row] as number;
    columns.end[at] = end[row] as number;
    columns.frame[at] = frame[row] as number;
    sorted.length = at + 1;
  }
  return { rows: sorted.finish(), overlaps };
}

/** The row that covers byte `offset` of `section`, or NONE. */
export function findWitnessRow({ rows }: WitnessRows, section: number, offset: number): number {
  const from = lowerBound(rows.section, section, 0, rows.length);
  const to = lowerBound(rows.section, section + 1, from, rows.length);
  const at = lowerBound(rows.start, offset + 1, from, to) - 1;
  return at >= from && offset < (rows.end[at] as number) ? at : NONE;
}

/** The stored rule that `frame` has for `register`, or NONE: the register is the same, or the witness does not track it. */
export function findRule({ frames, rules }: WitnessRows, frame: number, register: number): number {
  const end = frames.ruleEnd[frame] as number;
  for (let r = frames.ruleStart[frame] as number; r < end; r++) if (rules.register[r] === register) return r;
  return NONE;
}

/** Registers that a frame says a rule for and lists, ascending. */
export function* ruledRegisters({ frames, rules }: WitnessRows, frame: number): Iterable<number> {
  const end = frames.ruleEnd[frame] as number;
  for (let r = frames.ruleStart[frame] as number; r < end; r++)
    if (rules.rule[r] !== RULE_NOT_SAID) yield rules.register[r] as number;
}

/**
 * "CFA=rsp+16, rbp at CFA-16, ra at CFA-8, signal"
 * @param asked registers of which it is also said that they are unchanged, where that is what the frame says
 */
export function describeFrame(
  arch: Arch,
  witness: WitnessRows,
  frame: number,
  asked: ReadonlySet<number> = noRegisters,
): string {
  const { frames, rules, tracked } = witness;
  const flags = frames.flags[frame] as number;
  const parts = [describeWitnessCfa(arch, witness, frame)];
  const speaks = SAYING_CFA.has(frames.cfa[frame] as number) && (flags & SAYING_NOTHING_MORE) === 0;
  for (const register of tracked) {
    const r = findRule(witness, frame, register);
    const rule = r === NONE ? RULE_SAME : (rules.rule[r] as number);
    if (rule === RULE_SAME && !(speaks && asked.has(register))) continue;
    const says = describeRule(arch, rule, r === NONE ? NO_REGISTER : rules.base[r]!, r === NONE ? 0 : rules.offset[r]!);
    parts.push(`${registerName(arch, register)} ${says}`);
  }
  for (const [bit, word] of flagWords) if ((flags & bit) !== 0) parts.push(word);
  return parts.join(", ");
}

const noRegisters: ReadonlySet<number> = new Set();
/** Elsewhere a register without a rule is one of which nothing is said. */
const SAYING_CFA: ReadonlySet<number> = new Set([CFA_REGISTER, CFA_DEREF, CFA_EXPRESSION]);
const SAYING_NOTHING_MORE = FRAME_FULL_REGS | FRAME_PARTIAL_REGS | FRAME_END_OF_STACK;

const flagWords = [
  [FRAME_SIGNAL, "signal"],
  [FRAME_END_OF_STACK, "end of stack"],
  [FRAME_SIGNED_ADDRESS, "signed return address"],
  [FRAME_FULL_REGS, "full registers"],
  [FRAME_PARTIAL_REGS, "partial registers"],
] as const;

/** "CFA=rsp+16" */
export function describeWitnessCfa(arch: Arch, { frames }: WitnessRows, frame: number): string {
  const place = `${registerName(arch, frames.cfaRegister[frame] as number)}${signed(frames.cfaOffset[frame] as number)}`;
  switch (frames.cfa[frame]) {
    case CFA_REGISTER:
      return `CFA=${place}`;
    case CFA_DEREF: {
      const behind = frames.cfaBehind[frame] as number;
      return `CFA=(${place})${behind === 0 ? "" : signed(behind)}`;
    }
    case CFA_UNDEFINED:
      return "CFA undefined";
    case CFA_EXPRESSION:
      return "CFA by an expression";
    default:
      return "CFA not said";
  }
}

/** "at CFA-16", said behind a register's name */
export function describeRule(arch: Arch, rule: number, base: number, offset: number): string {
  switch (rule) {
    case RULE_SAME:
      return "unchanged";
    case RULE_AT_CFA:
      return `at CFA${signed(offset)}`;
    case RULE_AT_REGISTER:
      return `at ${registerName(arch, base)}${signed(offset)}`;
    case RULE_IN_REGISTER:
      return `in ${registerName(arch, base)}${offset === 0 ? "" : signed(offset)}`;
    case RULE_IS_CFA:
      return `is CFA${signed(offset)}`;
    case RULE_UNDEFINED:
      return "lost";
    case RULE_EXPRESSION:
      return "by an expression";
    default:
      return "not said";
  }
}

/** "rbx"; "ra" for the return address */
export function registerName(arch: Arch, register: number): string {
  return register === RETURN_ADDRESS ? "ra" : (arch.registers.name[register] ?? `r${register}`);
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}
