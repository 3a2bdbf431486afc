import type { ByteCursor } from "../base/bytes.ts";
import { NONE } from "../base/table.ts";
import { EM_AARCH64 } from "../elf/constants.ts";
import type { WorkBudget } from "./budget.ts";
import * as dw from "./cfi-constants.ts";
import { readExpression } from "./cfi-expression.ts";
import {
  CFI_CFA_EXPRESSION,
  CFI_CFA_NONE,
  CFI_CFA_REGISTER,
  CFI_EXPRESSION,
  CFI_OFFSET,
  CFI_REGISTER,
  CFI_SAME_VALUE,
  CFI_UNDEFINED,
  CFI_VAL_EXPRESSION,
  CFI_VAL_OFFSET,
  type CfiTables,
} from "./cfi-tables.ts";
import type { DebugSection } from "./debug-section.ts";

// Runs call frame instructions (DWARF 5, 6.4.2) to rows.

interface Rule {
  readonly register: number;
  readonly rule: number;
  readonly value: number;
}

/** The rules that hold at one place. Never changed: a program replaces it, so that remembering one costs nothing. */
export interface CfiState {
  readonly cfa: number;
  readonly cfaRegister: number;
  readonly cfaOffset: number;
  readonly signed: number;
  /** Sorted by register. */
  readonly rules: readonly Rule[];
}

export const initialState: CfiState = { cfa: CFI_CFA_NONE, cfaRegister: 0, cfaOffset: 0, signed: 0, rules: [] };

/** What the entries of one section share. */
export interface CfiContext {
  readonly machine: number;
  readonly section: DebugSection;
  readonly tables: CfiTables;
  readonly budget: WorkBudget;
  /** Reads the operand of DW_CFA_set_loc: an offset in the section of the code. */
  readonly readLocation: (cursor: ByteCursor) => number;
}

/** No ABI has as many columns that functions save: x86-64 and arm64 have below 130. */
const MOST_RULES = 192;

/** From where to where rows are wanted. Both offsets in the section of the code. */
export interface CfiRange {
  readonly start: number;
  readonly end: number;
}

interface Factors {
  readonly codeAlign: number;
  readonly dataAlign: number;
}

/**
 * Runs the instructions up to the end of `cursor`, from `first` on, and appends the rows of `range`; those behind its end are left out.
 * @param range absent for the initial instructions of a CIE, which make no row
 * @param initial what DW_CFA_restore gives back; absent for a CIE
 * @returns the state at the end
 * @throws FormatError
 */
export function runCfiProgram(
  cursor: ByteCursor,
  context: CfiContext,
  factors: Factors,
  first: CfiState,
  range?: CfiRange,
  initial?: CfiState,
): CfiState {
  const { budget, section } = context;
  const { codeAlign, dataAlign } = factors;
  const writer = range === undefined ? undefined : new RowWriter(context, range);
  const remembered: CfiState[] = [];
  let state = first;
  let at = range === undefined ? 0 : range.start;

  const advance = (to: number): void => {
    if (writer === undefined) throw cursor.fail("bad-value", "a CIE advances the location");
    if (to < at) throw cursor.fail("bad-value", "the location goes backwards");
    if (to > at) writer.add(at, state, cursor.offset);
    at = to;
  };
  const set = (register: number, rule: number, value: number): void => {
    // 0 times a negative factor is -0, which is none of the values that a column compares with.
    state = { ...state, rules: withRule(state.rules, { register, rule, value: value + 0 }, cursor) };
    budget.spend(state.rules.length >>> 2, section.name, cursor.offset);
  };
  const restore = (register: number): void => {
    if (initial === undefined) throw cursor.fail("bad-value", "a CIE restores a register");
    const was = initial.rules.find((each) => each.register === register);
    if (was !== undefined) set(register, was.rule, was.value);
    else state = { ...state, rules: state.rules.filter((each) => each.register !== register) };
    budget.spend((initial.rules.length + state.rules.length) >>> 2, section.name, cursor.offset);
  };
  const expression = (withCfa: boolean): number => {
    const length = cursor.uleb();
    const start = cursor.offset;
    cursor.skip(length);
    const { expressions } = context.tables;
    expressions.push(readExpression(section.cursor(start, cursor.offset), withCfa, budget, section.name));
    return expressions.length - 1;
  };
  const setCfa = (cfaRegister: number, cfaOffset: number): void => {
    state = { ...state, cfa: CFI_CFA_REGISTER, cfaRegister, cfaOffset: cfaOffset + 0 };
  };
  /** Register and offset change alone only where both are there. 6.4.2.2 */
  const requireCfa = (): void => {
    if (state.cfa !== CFI_CFA_REGISTER) throw cursor.fail("bad-value", "the CFA is no register and offset to change");
  };

  while (!cursor.done) {
    budget.spend(1, section.name, cursor.offset);
    const op = cursor.u8();
    const low = op & 0x3f;
    switch (op & 0xc0) {
      case dw.DW_CFA_advance_loc:
        advance(at + low * codeAlign);
        continue;
      case dw.DW_CFA_offset:
        set(low, CFI_OFFSET, cursor.uleb() * dataAlign);
        continue;
      case dw.DW_CFA_restore:
        restore(low);
        continue;
    }
    switch (op) {
      case dw.DW_CFA_nop:
        break;
      case dw.DW_CFA_set_loc:
        advance(context.readLocation(cursor));
        break;
      case dw.DW_CFA_advance_loc1:
        advance(at + cursor.u8() * codeAlign);
        break;
      case dw.DW_CFA_advance_loc2:
        advance(at + cursor.u16() * codeAlign);
        break;
      case dw.DW_CFA_advance_loc4:
        advance(at + cursor.u32() * codeAlign);
        break;
      case dw.DW_CFA_MIPS_advance_loc8:
        advance(at + cursor.u64() * codeAlign);
        break;
      case dw.DW_CFA_offset_extended: {
        const register = cursor.uleb();
        set(register, CFI_OFFSET, cursor.uleb() * dataAlign);
        break;
      }
      case dw.DW_CFA_offset_extended_sf: {
        const register = cursor.uleb();
        set(register, CFI_OFFSET, cursor.sleb() * dataAlign);
        break;
      }
      case dw.DW_CFA_GNU_negative_offset_extended: {
        const register = cursor.uleb();
        set(register, CFI_OFFSET, -(cursor.uleb() * dataAlign));
        break;
      }
      case dw.DW_CFA_val_offset: {
        const register = cursor.uleb();
        set(register, CFI_VAL_OFFSET, cursor.uleb() * dataAlign);
        break;
      }
      case dw.DW_CFA_val_offset_sf: {
        const register = cursor.uleb();
        set(register, CFI_VAL_OFFSET, cursor.sleb() * dataAlign);
        break;
      }
      case dw.DW_CFA_restore_extended:
        restore(cursor.uleb());
        break;
      case dw.DW_CFA_undefined:
        set(cursor.uleb(), CFI_UNDEFINED, 0);
        break;
      case dw.DW_CFA_same_value:
        set(cursor.uleb(), CFI_SAME_VALUE, 0);
        break;
      case dw.DW_CFA_register: {
        const register = cursor.uleb();
        set(register, CFI_REGISTER, cursor.uleb());
        break;
      }
      case dw.DW_CFA_expression: {
        const register = cursor.uleb();
        set(register, CFI_EXPRESSION, expression(true));
        break;
      }
      case dw.DW_CFA_val_expression: {
        const register = cursor.uleb();
        set(register, CFI_VAL_EXPRESSION, expression(true));
        break;
      }
      case dw.DW_CFA_remember_state:
        remembered.push(state);
        break;
      case dw.DW_CFA_restore_state: {
        // The CFA comes back with the rules, as gcc's unwinder has it since 4.4 and LLVM's from the start.
        const last = remembered.pop();
        if (last === undefined) throw cursor.fail("bad-value", "no state was remembered");
        state = last;
        break;
      }
      case dw.DW_CFA_def_cfa: {
        const register = cursor.uleb();
        setCfa(register, cursor.uleb());
        break;
      }
      case dw.DW_CFA_def_cfa_sf: {
        const register = cursor.uleb();
        setCfa(register, cursor.sleb() * dataAlign);
        break;
      }
      case dw.DW_CFA_def_cfa_register:
        requireCfa();
        setCfa(cursor.uleb(), state.cfaOffset);
        break;
      case dw.DW_CFA_def_cfa_offset:
        requireCfa();
        setCfa(state.cfaRegister, cursor.uleb());
        break;
      case dw.DW_CFA_def_cfa_offset_sf:
        requireCfa();
        setCfa(state.cfaRegister, cursor.sleb() * dataAlign);
        break;
      case dw.DW_CFA_def_cfa_expression:
        state = { ...state, cfa: CFI_CFA_EXPRESSION, cfaRegister: 0, cfaOffset: expression(false) };
        break;
      case dw.DW_CFA_GNU_args_size:
        cursor.uleb(); // bytes of arguments on the stack: says nothing of the frame that the CFA does not
        break;
      case dw.DW_CFA_AARCH64_negate_ra_state:
      case dw.DW_CFA_AARCH64_negate_ra_state_with_pc:
        if (context.machine !== EM_AARCH64) throw unknown(cursor, op);
        state = { ...state, signed: 1 - state.signed };
        break;
      default:
        throw unknown(cursor, op);
    }
  }
  if (range !== undefined && at < range.end) writer?.add(at, state, cursor.offset);
  return state;
}

function unknown(cursor: ByteCursor, op: number) {
  return cursor.fail("unsupported", `call frame instruction 0x${op.toString(16)}`, cursor.offset - 1);
}

function withRule(rules: readonly Rule[], rule: Rule, cursor: ByteCursor): readonly Rule[] {
  let at = rules.length;
  while (at > 0 && (rules[at - 1] as Rule).register >= rule.register) at--;
  const replaces = rules[at]?.register === rule.register;
  if (!replaces && rules.length >= MOST_RULES)
    throw cursor.fail("over-budget", `rules for over ${MOST_RULES} registers`);
  // No register of an architecture has such a number; it would not fit the column.
  if (rule.register > 0xffff) throw cursor.fail("bad-value", `register ${rule.register}`);
  return [...rules.slice(0, at), rule, ...rules.slice(replaces ? at + 1 : at)];
}

class RowWriter {
  readonly #context: CfiContext;
  readonly #range: CfiRange;
  /** Rules that were written last, and where. */
  #rules: readonly Rule[] | undefined;
  #ruleStart = NONE;
  #last: CfiState | undefined;

  constructor(context: CfiContext, range: CfiRange) {
    this.#context = context;
    this.#range = range;
  }

  add(start: number, state: CfiState, place: number): void {
    if (start >= this.#range.end || state === this.#last) return;
    this.#last = state;
    const { tables, budget, section } = this.#context;
    if (state.rules !== this.#rules) {
      budget.spend(state.rules.length, section.name, place);
      this.#rules = state.rules;
      this.#ruleStart = tables.rules.length;
      for (const rule of state.rules) tables.rules.push(rule);
    }
    const { cfa, cfaRegister, cfaOffset, signed } = state;
    const ruleStart = this.#ruleStart;
    tables.rows.push({
      start,
      cfa,
      cfaRegister,
      cfaOffset,
      signed,
      ruleStart,
      ruleEnd: ruleStart + state.rules.length,
    });
  }
}
