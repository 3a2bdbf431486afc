import { CFA_COLUMN, EXPRESSION_DEREF, EXPRESSION_PLAIN, type Expression } from "../dwarf/cfi-expression.ts";
import {
  CFI_CFA_EXPRESSION,
  CFI_CFA_REGISTER,
  CFI_EXPRESSION,
  CFI_OFFSET,
  CFI_REGISTER,
  CFI_SAME_VALUE,
  CFI_UNDEFINED,
  CFI_VAL_EXPRESSION,
  CFI_VAL_OFFSET,
  type Cfi,
} from "../dwarf/cfi-tables.ts";
import type { Arch } from "../isa/arch.ts";
import { NO_REGISTER } from "../isa/insn-table.ts";
import {
  CFA_DEREF,
  CFA_EXPRESSION,
  CFA_NOT_SAID,
  CFA_REGISTER,
  FRAME_END_OF_STACK,
  FRAME_SIGNAL,
  FRAME_SIGNED_ADDRESS,
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

// Call frame information as a witness. It speaks of the registers that a function has to preserve, which are the same where it gives no rule
// for them (DWARF 5, 6.4.1: the architecture's default), and of the return address. What it says of others nobody asks for.

/** Linear in the rows. */
export function witnessDwarf(arch: Arch, cfi: Cfi): WitnessRows {
  const { fdes, rows } = cfi;
  const reader = new FrameReader(arch, cfi);
  const builder = new WitnessBuilder(cfi.kind, reader.tracked);
  for (let f = 0; f < fdes.length; f++) {
    const section = fdes.section[f] as number;
    const last = (fdes.rowEnd[f] as number) - 1;
    for (let row = fdes.rowStart[f] as number; row <= last; row++) {
      const end = row < last ? rows.start[row + 1] : fdes.end[f];
      const frame = builder.frame(reader.frame(row, fdes.cie[f] as number));
      builder.add(section, rows.start[row] as number, end as number, frame);
    }
  }
  return builder.finish();
}

class FrameReader {
  readonly tracked: readonly number[];
  readonly #cfi: Cfi;
  /** DWARF register -> register */
  readonly #registers: readonly number[];
  readonly #hasLink: boolean;

  constructor({ registers }: Arch, cfi: Cfi) {
    const kept = registers.name.map((_, r) => r).filter((r) => ((registers.calleeSaved >>> r) & 1) === 1);
    this.tracked = [...kept, RETURN_ADDRESS];
    this.#cfi = cfi;
    this.#registers = registers.ofDwarf;
    this.#hasLink = registers.link !== NO_REGISTER;
  }

  frame(row: number, cie: number) {
    const { rows, rules } = this.#cfi;
    const { returnRegister, isSignal } = this.#cfi.cies[cie] as Cfi["cies"][number];
    const drafts: RuleDraft[] = [];
    let saysReturn = false;
    let flags = isSignal ? FRAME_SIGNAL : 0;
    if (rows.signed[row] === 1) flags |= FRAME_SIGNED_ADDRESS;
    for (let r = rows.ruleStart[row] as number; r < (rows.ruleEnd[row] as number); r++) {
      const column = rules.register[r] as number;
      const isReturn = column === returnRegister;
      const register = isReturn ? RETURN_ADDRESS : this.#register(column);
      if (!this.tracked.includes(register)) continue;
      const rule = this.#rule(rules.rule[r] as number, rules.value[r] as number);
      drafts.push({ register, ...rule });
      if (!isReturn) continue;
      saysReturn = true;
      if (rule.rule === RULE_UNDEFINED) flags |= FRAME_END_OF_STACK;
    }
    // In a link register it stays until a rule says otherwise; on the stack nothing says where it is.
    if (!saysReturn && !this.#hasLink) drafts.push({ register: RETURN_ADDRESS, rule: RULE_NOT_SAID });
    return { ...this.#cfa(row), flags, rules: drafts };
  }

  #register(column: number): number {
    return this.#registers[column] ?? NO_REGISTER;
  }

  #cfa(row: number) {
    const { rows, expressions } = this.#cfi;
    const offset = rows.cfaOffset[row] as number;
    if (rows.cfa[row] === CFI_CFA_REGISTER)
      return this.#cfaOf(CFA_REGISTER, rows.cfaRegister[row] as number, offset, 0);
    if (rows.cfa[row] !== CFI_CFA_EXPRESSION) return { cfa: CFA_NOT_SAID };
    const expression = expressions[offset] as Expression;
    const { kind, register } = expression;
    if (kind === EXPRESSION_PLAIN) return this.#cfaOf(CFA_REGISTER, register, expression.offset, 0);
    if (kind === EXPRESSION_DEREF) return this.#cfaOf(CFA_DEREF, register, expression.offset, expression.behind);
    return { cfa: CFA_EXPRESSION };
  }

  #cfaOf(cfa: number, column: number, cfaOffset: number, cfaBehind: number) {
    const cfaRegister = this.#register(column);
    if (cfaRegister === NO_REGISTER || !fits(cfaOffset) || !fits(cfaBehind)) return { cfa: CFA_EXPRESSION };
    return { cfa, cfaRegister, cfaOffset, cfaBehind };
  }

  #rule(rule: number, value: number): Omit<RuleDraft, "register"> {
    switch (rule) {
      case CFI_SAME_VALUE:
        return { rule: RULE_SAME };
      case CFI_UNDEFINED:
        return { rule: RULE_UNDEFINED };
      case CFI_OFFSET:
        return relative(RULE_AT_CFA, NO_REGISTER, value);
      case CFI_VAL_OFFSET:
        return relative(RULE_IS_CFA, NO_REGISTER, value);
      case CFI_REGISTER:
        return relative(RULE_IN_REGISTER, this.#register(value), 0);
      case CFI_EXPRESSION:
      case CFI_VAL_EXPRESSION:
        return this.#byExpression(this.#cfi.expressions[value] as Expression, rule === CFI_EXPRESSION);
    }
    return { rule: RULE_EXPRESSION };
  }

  /** @param isPlace the expression says where the value is saved; else what it is */
  #byExpression({ kind, register, offset, behind }: Expression, isPlace: boolean): Omit<RuleDraft, "register"> {
    const isCfa = register === CFA_COLUMN;
    const base = isCfa ? NO_REGISTER : this.#register(register);
    // What a load from there gives is what is saved there.
    const isSaved = isPlace ? kind === EXPRESSION_PLAIN : kind === EXPRESSION_DEREF && behind === 0;
    if (isSaved) return relative(isCfa ? RULE_AT_CFA : RULE_AT_REGISTER, base, offset);
    if (!isPlace && kind === EXPRESSION_PLAIN) return relative(isCfa ? RULE_IS_CFA : RULE_IN_REGISTER, base, offset);
    return { rule: RULE_EXPRESSION };
  }
}

function relative(rule: number, base: number, offset: number): Omit<RuleDraft, "register"> {
  const needsBase = rule === RULE_AT_REGISTER || rule === RULE_IN_REGISTER;
  return (needsBase && base === NO_REGISTER) || !fits(offset) ? { rule: RULE_EXPRESSION } : { rule, base, offset };
}

/** Whether a column of offsets can hold it. */
function fits(offset: number): boolean {
  return (offset | 0) === offset;
}
