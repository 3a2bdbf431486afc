import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { openObject } from "../../src/elf/object.ts";
import { buildCode, type Code, insnCovering } from "../../src/flow/code.ts";
import { buildFlow, type Flow, ownerOf } from "../../src/flow/flow.ts";
import { buildFunctions, functionName } from "../../src/flow/functions.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";

/** An unmodified object as the mutator and the comparison see it. */
export interface ObjectModel {
  readonly name: string;
  /** Part of a module. */
  readonly isModule: boolean;
  readonly bytes: Uint8Array;
  readonly code: Code;
  readonly flow: Flow;
  /** Place -> what both tools' reports about it are filed under: the function without its cold part, else the label before it. */
  keyOf(section: number, offset: number): string;
  /** The same for a name that a report begins with (a symbol or a section), and bytes behind it: several where symbols share it, none for an unknown one. */
  keysOfName(name: string, plus: number): string[];
  /** The key of a section's end. */
  keyOfEnd(section: string): string | undefined;
}

type Places = ReadonlyMap<string, readonly { readonly section: number; readonly value: number }[]>;

export function openModel(name: string, bytes: Uint8Array, isModule = false): ObjectModel {
  const object = openObject(bytesSource(bytes));
  const code = buildCode(object, x86_64);
  const functions = buildFunctions(code);
  const flow = buildFlow(code, functions);
  const { symbols, symbolName } = object;
  const labels: { section: number; value: number; name: string }[] = [];
  const byName = new Map<string, { section: number; value: number }[]>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbolName[s] === "" || code.sectionEnd[section] === code.sectionStart[section]) continue;
    const place = { section, value: symbols.value[s] as number };
    byName.set(symbolName[s] as string, [...(byName.get(symbolName[s] as string) ?? []), place]);
    labels.push({ ...place, name: symbolName[s] as string });
  }
  labels.sort((a, b) => a.section - b.section || a.value - b.value || (a.name < b.name ? 1 : -1));
  const keyOf = (section: number, offset: number): string => {
    let insn = insnCovering(code, section, offset);
    const row = insn === NONE ? undefined : flow.instead.replacementOf.get(insn);
    if (row !== undefined) insn = flow.instead.alternatives.from[row] as number;
    const f = insn === NONE ? NONE : ownerOf(flow, insn);
    if (f !== NONE) return functionName(code, functions, functions.table.parent[f] as number);
    const at = row === undefined ? offset : (code.insns.offset[insn] as number);
    const home = row === undefined ? section : (code.insns.section[insn] as number);
    let best: string | undefined;
    for (const label of labels) if (label.section === home && label.value <= at) best = label.name;
    return `label ${best ?? object.sectionName[home]}`;
  };
  return { name, isModule, bytes, code, flow, keyOf, ...namesOf(code, byName, keyOf) };
}

function namesOf(
  { object }: Code,
  byName: Places,
  keyOf: ObjectModel["keyOf"],
): Pick<ObjectModel, "keysOfName" | "keyOfEnd"> {
  return {
    keysOfName(name, plus) {
      const places = byName.get(name);
      if (places !== undefined) return [...new Set(places.map(({ section, value }) => keyOf(section, value + plus)))];
      const section = object.findSection(name);
      return section === NONE ? [] : [keyOf(section, plus)];
    },
    keyOfEnd(name) {
      const section = object.findSection(name);
      const size = section === NONE ? 0 : (object.sections.size[section] as number);
      return size === 0 ? undefined : keyOf(section, size - 1);
    },
  };
}

/** The same object, whose places are found by the names that a mutation gave them, too: both tools speak of those. */
export function withNamesOf(model: ObjectModel, mutant: Uint8Array): ObjectModel {
  const { symbols, symbolName } = model.code.object;
  const renamed = openObject(bytesSource(mutant)).symbolName;
  const places = new Map<string, { section: number; value: number }[]>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    const name = renamed[s] ?? "";
    if (section <= 0 || name === "" || name === symbolName[s]) continue;
    places.set(name, [...(places.get(name) ?? []), { section, value: symbols.value[s] as number }]);
  }
  if (places.size === 0) return model;
  const anew = namesOf(model.code, places, model.keyOf);
  return {
    ...model,
    keysOfName: (name, plus) => [
      ...new Set([...(places.has(name) ? anew.keysOfName(name, plus) : []), ...model.keysOfName(name, plus)]),
    ],
  };
}
