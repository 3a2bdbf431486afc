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
  /** The same for a name that a report begins with (a symbol or a section), and bytes behind it; undefined for an unknown name. */
  keyOfName(name: string, plus: number): string | undefined;
}

export function openModel(name: string, bytes: Uint8Array, isModule = false): ObjectModel {
  const object = openObject(bytesSource(bytes));
  const code = buildCode(object, x86_64);
  const functions = buildFunctions(code);
  const flow = buildFlow(code, functions);
  const { symbols, symbolName } = object;
  const labels: { section: number; value: number; name: string }[] = [];
  const byName = new Map<string, { section: number; value: number }>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbolName[s] === "" || code.sectionEnd[section] === code.sectionStart[section]) continue;
    const place = { section, value: symbols.value[s] as number };
    byName.set(symbolName[s] as string, place);
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
  return {
    name,
    isModule,
    bytes,
    code,
    flow,
    keyOf,
    keyOfName(symbol, plus) {
      const place = byName.get(symbol);
      if (place !== undefined) return keyOf(place.section, place.value + plus);
      const section = object.findSection(symbol);
      return section === NONE ? undefined : keyOf(section, plus);
    },
  };
}
