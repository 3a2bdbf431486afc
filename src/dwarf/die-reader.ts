import type { ByteCursor } from "../base/bytes.ts";
import type { Abbrev } from "./abbrevs.ts";
import { DW_AT_sibling, DW_FORM_implicit_const, DW_FORM_indirect } from "./constants.ts";
import { fixedFormSize, readForm } from "./forms.ts";
import type { Unit } from "./units.ts";

/** Entries nested deeper than this are no compiler's; with full -g the kernel stays below 60. */
const MAX_DEPTH = 1000;
/** In a plan, in place of a form: skip as many bytes as the next number says. */
const SKIP_BYTES = -1;
/** In a plan, in place of a slot. */
const UNWANTED = -1;
const SIBLING = -2;

/**
 * A reading position in the tree of debugging information entries (DIEs) of one unit, in the order of the file, which
 * is parents before children. It costs nothing for attributes that were not asked for, as far as their form allows.
 *
 *   const reader = new DieReader(unit, [DW_AT_name, DW_AT_noreturn]);
 *   while (reader.next()) if (reader.tag === DW_TAG_subprogram && reader.form[1] !== 0) ...
 *
 * Columns `form`, `value` and `place` have one row per wanted attribute, overwritten by every `next`.
 */
export class DieReader {
  readonly unit: Unit;
  /** Form of each wanted attribute, 0 where the entry does not have it. */
  readonly form: Uint16Array;
  /** Its value as forms.ts reads it. */
  readonly value: Float64Array;
  /** Section offset of the value: where a relocation of it stands. */
  readonly place: Float64Array;
  /** Section offset of the entry. */
  offset = 0;
  tag = 0;
  /** 0 for the unit's own entry, or for the entry that `seek` went to. */
  depth = -1;
  hasChildren = false;
  readonly #cursor: ByteCursor;
  readonly #wanted: readonly number[];
  readonly #plans = new Map<number, { readonly abbrev: Abbrev; readonly steps: readonly number[] }>();
  #openDepth = 0;
  #sibling = 0;

  constructor(unit: Unit, wanted: readonly number[]) {
    this.unit = unit;
    this.#wanted = wanted;
    this.form = new Uint16Array(wanted.length);
    this.value = new Float64Array(wanted.length);
    this.place = new Float64Array(wanted.length);
    this.#cursor = unit.section.cursor(unit.firstDie, unit.end);
  }

  /** Goes to the entry at section offset `offset`; the next `next` reads it. @throws FormatError outside of the unit */
  seek(offset: number): void {
    const { section, firstDie, end } = this.unit;
    if (!(offset >= firstDie && offset < end))
      throw section.fail("out-of-range", "reference leaves the unit", this.offset);
    this.#cursor.offset = offset;
    this.#openDepth = 0;
    this.depth = -1;
  }

  /** Reads the next entry; false behind the last one. @throws FormatError */
  next(): boolean {
    const cursor = this.#cursor;
    for (;;) {
      // The tree is complete once its root is closed; what the unit has behind that is padding.
      if (cursor.done || (this.#openDepth === 0 && this.depth >= 0)) return false;
      this.offset = cursor.offset;
      const code = cursor.uleb();
      if (code !== 0) {
        this.#read(code);
        return true;
      }
      if (this.#openDepth === 0) return false;
      this.#openDepth--;
    }
  }

  /** Leaves out everything below the entry just read; its columns are lost. @throws FormatError */
  skipChildren(): void {
    if (!this.hasChildren) return;
    const cursor = this.#cursor;
    if (this.#sibling > cursor.offset && this.#sibling <= this.unit.end) {
      cursor.offset = this.#sibling;
      this.#openDepth--;
    } else {
      const outside = this.#openDepth - 1;
      while (this.#openDepth > outside && !cursor.done) {
        const code = cursor.uleb();
        if (code === 0) this.#openDepth--;
        else this.#read(code);
      }
    }
    this.hasChildren = false;
  }

  #read(code: number): void {
    const cursor = this.#cursor;
    let plan = this.#plans.get(code);
    if (plan === undefined) {
      plan = this.#compile(code);
      this.#plans.set(code, plan);
    }
    const { abbrev, steps } = plan;
    this.unit.budget.spend(steps.length + 1, this.unit.section.name, cursor.offset);
    this.tag = abbrev.tag;
    this.hasChildren = abbrev.hasChildren;
    this.depth = this.#openDepth;
    this.#sibling = 0;
    this.form.fill(0);
    if (abbrev.hasChildren && ++this.#openDepth > MAX_DEPTH)
      throw this.unit.section.fail("over-budget", `entries nested deeper than ${MAX_DEPTH}`, this.offset);
    for (let i = 0; i < steps.length; i += 3) {
      const declared = steps[i] as number;
      const operand = steps[i + 1] as number;
      if (declared === SKIP_BYTES) {
        cursor.skip(operand);
        continue;
      }
      let form = declared;
      while (form === DW_FORM_indirect) form = cursor.uleb();
      const at = cursor.offset;
      const value = declared === DW_FORM_implicit_const ? (steps[i + 2] as number) : readForm(cursor, form, this.unit);
      if (operand >= 0) {
        this.form[operand] = form;
        this.value[operand] = value;
        this.place[operand] = at;
      } else if (operand === SIBLING) this.#sibling = this.unit.reference(form, value) ?? 0;
    }
  }

  /** Turns a declaration into steps of (form, slot, constant), with unwanted attributes of known size run together. */
  #compile(code: number): { abbrev: Abbrev; steps: number[] } {
    const abbrev = this.unit.abbrevs.get(code);
    if (abbrev === undefined)
      throw this.unit.section.fail("bad-value", `abbreviation ${code} is not declared`, this.offset);
    // Units that share a declaration turn it into steps one by one.
    this.unit.budget.spend(abbrev.specs.length / 3, this.unit.section.name, this.offset);
    const steps: number[] = [];
    let skipped = 0;
    const flush = () => {
      if (skipped > 0) steps.push(SKIP_BYTES, skipped, 0);
      skipped = 0;
    };
    for (let i = 0; i < abbrev.specs.length; i += 3) {
      const attribute = abbrev.specs[i] as number;
      const form = abbrev.specs[i + 1] as number;
      const slot = this.#wanted.indexOf(attribute);
      const size = fixedFormSize(form, this.unit);
      if (slot < 0 && attribute !== DW_AT_sibling && size >= 0) skipped += size;
      else {
        flush();
        steps.push(
          form,
          slot >= 0 ? slot : attribute === DW_AT_sibling ? SIBLING : UNWANTED,
          abbrev.specs[i + 2] as number,
        );
      }
    }
    flush();
    return { abbrev, steps };
  }
}
