import type { ByteCursor } from "../base/bytes.ts";
import type { WorkBudget } from "./budget.ts";
import * as dw from "./cfi-constants.ts";

// Expressions in call frame information (DWARF 5, 6.4.2 and 2.5). Compilers write few of them: a realigned frame keeps its CFA or a register at
// a place that a register and an offset name. Those are understood; any other is known to be there, and where.

/** In place of a register: the CFA itself, which lies on the stack when the expression of a register's rule begins. */
export const CFA_COLUMN = 0xffffffff;

/** register + offset */
export const EXPRESSION_PLAIN = 1;
/** memory[register + offset] + behind */
export const EXPRESSION_DEREF = 2;
/** Anything else. */
export const EXPRESSION_OTHER = 3;

/** What an expression amounts to. Offsets in bytes. */
export interface Expression {
  /** EXPRESSION_* */
  readonly kind: number;
  /** DWARF register number or CFA_COLUMN; 0 for EXPRESSION_OTHER */
  readonly register: number;
  readonly offset: number;
  readonly behind: number;
  /** Section offsets of its operations. */
  readonly start: number;
  readonly end: number;
}

/** A value while the operations run: a constant where `kind` is 0, and `offset` is the constant then. */
interface Value {
  readonly kind: number;
  readonly register: number;
  readonly offset: number;
  readonly behind: number;
}

const MOST_VALUES = 64;

/**
 * Reads the operations up to the end of `cursor`.
 * @param withCfa the CFA is on the stack at first: rules of registers, 6.4.2.3
 * @throws FormatError for operands that do not end within the expression; over-budget
 */
export function readExpression(cursor: ByteCursor, withCfa: boolean, budget: WorkBudget, section: string): Expression {
  const start = cursor.offset;
  const { end } = cursor;
  const other: Expression = { kind: EXPRESSION_OTHER, register: 0, offset: 0, behind: 0, start, end };
  const stack: Value[] = [];
  if (withCfa) stack.push(plain(CFA_COLUMN, 0));
  while (!cursor.done) {
    budget.spend(1, section, cursor.offset);
    const op = cursor.u8();
    if (op === dw.DW_OP_nop) continue;
    const pushed = pushedBy(op, cursor);
    if (pushed !== undefined) {
      if (stack.length >= MOST_VALUES) return other;
      stack.push(pushed);
      continue;
    }
    const top = stack.pop();
    if (top === undefined) return other;
    let result: Value | undefined;
    if (op === dw.DW_OP_deref) {
      if (top.kind === EXPRESSION_PLAIN) result = { ...top, kind: EXPRESSION_DEREF };
    } else if (op === dw.DW_OP_plus_uconst) result = added(top, cursor.uleb());
    else if (op === dw.DW_OP_plus || op === dw.DW_OP_minus) {
      const below = stack.pop();
      if (below === undefined) return other;
      if (top.kind === 0) result = added(below, op === dw.DW_OP_plus ? top.offset : -top.offset);
      else if (below.kind === 0 && op === dw.DW_OP_plus) result = added(top, below.offset);
    }
    if (result === undefined) return other;
    stack.push(result);
  }
  const last = stack.at(-1);
  return last === undefined || last.kind === 0 ? other : { ...last, start, end };
}

function plain(register: number, offset: number): Value {
  return { kind: EXPRESSION_PLAIN, register, offset, behind: 0 };
}

function constant(value: number): Value {
  return { kind: 0, register: 0, offset: value, behind: 0 };
}

function added(value: Value, by: number): Value {
  return value.kind === EXPRESSION_DEREF
    ? { ...value, behind: value.behind + by }
    : { ...value, offset: value.offset + by };
}

/** What an operation without arguments pushes; undefined for any other. */
function pushedBy(op: number, cursor: ByteCursor): Value | undefined {
  if (op >= dw.DW_OP_lit0 && op <= dw.DW_OP_lit31) return constant(op - dw.DW_OP_lit0);
  if (op >= dw.DW_OP_breg0 && op <= dw.DW_OP_breg31) return plain(op - dw.DW_OP_breg0, cursor.sleb());
  switch (op) {
    case dw.DW_OP_const1u:
      return constant(cursor.u8());
    case dw.DW_OP_const1s:
      return constant(cursor.i8());
    case dw.DW_OP_const2u:
      return constant(cursor.u16());
    case dw.DW_OP_const2s:
      return constant(cursor.i16());
    case dw.DW_OP_const4u:
      return constant(cursor.u32());
    case dw.DW_OP_const4s:
      return constant(cursor.i32());
    case dw.DW_OP_const8u:
      return constant(cursor.u64());
    case dw.DW_OP_const8s:
      return constant(cursor.i64());
    case dw.DW_OP_constu:
      return constant(cursor.uleb());
    case dw.DW_OP_consts:
      return constant(cursor.sleb());
    case dw.DW_OP_bregx: {
      const register = cursor.uleb();
      return plain(register, cursor.sleb());
    }
  }
  return undefined;
}
