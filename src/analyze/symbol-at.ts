import { NONE } from "../base/table.ts";
import { insnAt } from "../flow/code.ts";
import type { Flow } from "../flow/flow.ts";
import { functionName } from "../flow/functions.ts";

/** Symbol that the instruction at a section's offset names, for excerpts. */
export function symbolAt(flow: Flow, sectionName: string, offset: number): string | undefined {
  const { object } = flow.code;
  const section = object.findSection(sectionName);
  if (section === NONE) return undefined;
  const relocs = object.relocs(section);
  let low = 0;
  let high = relocs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((relocs.offset[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  // Only a relocation inside of the instruction is its own.
  const insn = insnAt(flow.code, section, offset);
  const size = insn === NONE ? 0 : (flow.code.insns.size[insn] as number);
  if (low >= relocs.length || (relocs.offset[low] as number) >= offset + size)
    return insn === NONE ? undefined : entered(flow, insn);
  const name = object.symbolName[relocs.symbol[low] as number] as string;
  return name === "" ? undefined : name;
}

/** Function of the object that a branch without a relocation goes to the beginning of. */
function entered(flow: Flow, insn: number): string | undefined {
  const target = flow.target.at(insn);
  const f = target === NONE ? NONE : (flow.functions.ofInsn[target] as number);
  if (f === NONE || flow.functions.table.firstInsn[f] !== target) return undefined;
  return functionName(flow.code, flow.functions, f);
}
