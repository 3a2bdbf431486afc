import { STT_FILE, STT_SECTION } from "../elf/constants.ts";
import type { Flow } from "../flow/flow.ts";

/** A symbol with a size. */
export interface Variable {
  readonly symbol: number;
  /** Section offsets in bytes, half open. */
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** Section -> its variables, sorted by start, larger first. */
export function variablesBySection({ code }: Flow): ReadonlyMap<number, readonly Variable[]> {
  const { symbols, symbolName } = code.object;
  const found = new Map<number, Variable[]>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    const size = symbols.size[s] as number;
    if (section <= 0 || size === 0 || symbols.type[s] === STT_SECTION || symbols.type[s] === STT_FILE) continue;
    const start = symbols.value[s] as number;
    const row = { symbol: s, start, end: start + size, name: symbolName[s] as string };
    const list = found.get(section);
    if (list === undefined) found.set(section, [row]);
    else list.push(row);
  }
  for (const list of found.values()) list.sort((a, b) => a.start - b.start || b.end - a.end);
  return found;
}

/** The last one that begins at or before `offset`, if it reaches it. */
export function findVariable(variables: readonly Variable[], offset: number): Variable | undefined {
  let low = 0;
  let high = variables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((variables[middle] as Variable).start <= offset) low = middle + 1;
    else high = middle;
  }
  const found = variables[low - 1];
  return found !== undefined && offset < found.end ? found : undefined;
}
