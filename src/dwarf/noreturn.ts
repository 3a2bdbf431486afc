import type { ElfObject } from "../elf/object.ts";
import { WorkBudget } from "./budget.ts";
import * as dw from "./constants.ts";
import { DieReader } from "./die-reader.ts";
import { DebugSections, readUnits } from "./units.ts";

/** A function of which the debug information says that it never returns (DW_AT_noreturn, DWARF 5, 3.3.1.1). */
export interface NoreturnFunction {
  /** The linkage name where there is one, else the name. */
  readonly name: string;
  /** Others can call it by that name (DW_AT_external). */
  readonly isExternal: boolean;
  /** The source of this object has its body; what is only declared is another object's. */
  readonly isDefined: boolean;
  /** Its entry, or the first of them: offset in .debug_info, for SourcePlaces.declarationAt. */
  readonly entry: number;
}

const WANTED = [
  dw.DW_AT_noreturn,
  dw.DW_AT_name,
  dw.DW_AT_linkage_name,
  dw.DW_AT_external,
  dw.DW_AT_declaration,
  dw.DW_AT_specification,
  dw.DW_AT_abstract_origin,
] as const;
const [NORETURN, NAME, LINKAGE_NAME, EXTERNAL, DECLARATION, SPECIFICATION, ABSTRACT_ORIGIN] = [0, 1, 2, 3, 4, 5, 6];

const READ_SECTIONS = new Set([".debug_info", ".debug_abbrev"]);

/**
 * The functions that an object's source declares or defines as never returning, in the order of the debug information and without repeats. Only entries of
 * the outermost level are looked at, where C has all its functions. Empty where the object has no debug information. @throws FormatError
 */
export function readNoreturnFunctions(object: ElfObject): NoreturnFunction[] {
  let size = 0;
  for (let i = 1; i < object.sectionName.length; i++)
    if (READ_SECTIONS.has(object.sectionName[i] as string)) size += object.sections.size[i] as number;
  const found = new Map<string, NoreturnFunction>();
  for (const unit of readUnits(new DebugSections(object), new WorkBudget(size))) {
    const die = new DieReader(unit, WANTED);
    const isSet = (slot: number) => die.form[slot] !== 0 && die.value[slot] !== 0;
    while (die.next()) {
      if (die.depth === 0) continue;
      if (die.tag === dw.DW_TAG_subprogram && isSet(NORETURN)) {
        const isDefined = !isSet(DECLARATION);
        // An instance of an inlined body refers to the entry that has the name, which says the same of it. A definition that refers to its
        // declaration is that body: gcc puts the attribute on both.
        const origin = die.form[ABSTRACT_ORIGIN] !== 0 ? ABSTRACT_ORIGIN : SPECIFICATION;
        const name = unit.string(die, LINKAGE_NAME) ?? unit.string(die, NAME);
        if (name !== undefined) note(found, { name, isExternal: isSet(EXTERNAL), isDefined, entry: die.offset });
        else if (die.form[origin] !== 0) {
          const at = unit.reference(die.form[origin] as number, die.value[origin] as number);
          const named = at === undefined ? undefined : nameAt(unit, at);
          if (named !== undefined) note(found, { ...named, isDefined, entry: die.offset });
        }
      }
      // C has no function inside of another entry.
      die.skipChildren();
    }
  }
  return [...found.values()];
}

function note(found: Map<string, NoreturnFunction>, now: NoreturnFunction): void {
  const before = found.get(now.name);
  found.set(now.name, {
    name: now.name,
    isExternal: now.isExternal || before?.isExternal === true,
    isDefined: now.isDefined || before?.isDefined === true,
    entry: before?.entry ?? now.entry,
  });
}

function nameAt(unit: ReturnType<typeof readUnits>[number], at: number) {
  if (at < unit.firstDie || at >= unit.end) return undefined;
  const die = new DieReader(unit, WANTED);
  die.seek(at);
  if (!die.next()) return undefined;
  const name = unit.string(die, LINKAGE_NAME) ?? unit.string(die, NAME);
  return name === undefined ? undefined : { name, isExternal: die.form[EXTERNAL] !== 0 && die.value[EXTERNAL] !== 0 };
}
