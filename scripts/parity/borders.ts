import { NONE } from "../../src/base/table.ts";
import { insnAt } from "../../src/flow/code.ts";
import { KIND_TAIL_CALL } from "../../src/flow/flow.ts";
import { KIND_JUMP, KIND_NOP } from "../../src/isa/insn-table.ts";
import type { LinkMap } from "./link-map.ts";
import type { Placed } from "./linked-findings.ts";
import type { Stages } from "./stages.ts";

// What only an object by itself can see: where its sections end, the linked kernel goes on with somebody else's code.

/** Finds the object that a place of the linked one comes from. */
export class PlaceFinder {
  readonly #bySection = new Map<string, { object: string; section: string; offset: number; size: number }[]>();

  constructor(map: LinkMap) {
    for (const [object, sections] of map) {
      for (const { name, into, offset, size } of sections) {
        const list = this.#bySection.get(into);
        const row = { object, section: name, offset, size };
        if (list === undefined) this.#bySection.set(into, [row]);
        else list.push(row);
      }
    }
    for (const list of this.#bySection.values()) list.sort((a, b) => a.offset - b.offset);
  }

  find(section: string, offset: number): { object: string; section: string; offset: number } | undefined {
    const list = this.#bySection.get(section) ?? [];
    // The linker's padding behind a section counts as its: what runs off its end is told there.
    const row = list.findLast((each) => each.offset <= offset && each.size > 0);
    return row === undefined ? undefined : { object: row.object, section: row.section, offset: offset - row.offset };
  }
}

/** Whether a finding of an object is about its borders, which the linked kernel does not have. */
export function isOfBorder(placed: Placed, linked: Stages, map: LinkMap, finder: PlaceFinder): boolean {
  const row = rowOf(placed, linked, map);
  if (row === NONE) return false;
  if (placed.finding.rule === "falls-through") return runsIntoNobody(placed, row, linked, finder);
  return placed.finding.rule === "unreachable-instruction" && isEntered(placed, row, linked, finder);
}

function rowOf({ object, finding }: Placed, { code }: Stages, map: LinkMap): number {
  const placed = map.get(object)?.find((each) => each.name === finding.section && finding.offset < each.size);
  if (placed === undefined) return NONE;
  return insnAt(code, code.object.findSection(placed.into), placed.offset + finding.offset);
}

/**
 * What runs past the end of its section into code of the next object that is no function, or into a weak function that was replaced: linked, that is
 * the way of assembly, and no function's end is run over.
 */
function runsIntoNobody(placed: Placed, from: number, { code, flow }: Stages, finder: PlaceFinder): boolean {
  // A jump goes where it says, whatever stands behind it.
  if (flow.kind[from] === KIND_JUMP || flow.kind[from] === KIND_TAIL_CALL) return false;
  const section = code.insns.section[from] as number;
  let row = from;
  do row++;
  while (flow.kind[row] === KIND_NOP);
  if (code.insns.section[row] !== section || flow.functions.ofInsn[row] !== NONE) return false;
  const offset = code.insns.offset[row] as number;
  const isNameless = flow.functions.symbolCovering(section, offset) === NONE;
  return isNameless || finder.find(code.object.sectionName[section] as string, offset)?.object !== placed.object;
}

/** Dead code that the linked kernel comes to out of another object, which runs off its end there. */
function isEntered({ object }: Placed, row: number, { code, frames }: Stages, finder: PlaceFinder): boolean {
  for (let i = row; frames.state[i] !== NONE; i = frames.cameFrom.of(i)) {
    const section = code.object.sectionName[code.insns.section[i] as number] as string;
    if (finder.find(section, code.insns.offset[i] as number)?.object !== object) return true;
    if (frames.cameFrom.of(i) === i) return false;
  }
  return false;
}
