import { STB_WEAK } from "../elf/constants.ts";
import type { Flow } from "./flow.ts";
import { FUNCTION_WEAK } from "./functions.ts";
import type { Outside } from "./outside.ts";

/**
 * function -> 1 when its code never runs: every name that it has gives way to another object's. Parts of a function go with it.
 */
export function findOverridden(flow: Flow, outside: Outside): Uint8Array {
  const { code, functions } = flow;
  const { table } = functions;
  const { symbols, symbolName } = code.object;
  const overridden = new Uint8Array(table.length);
  if (!table.flags.some((flags) => (flags & FUNCTION_WEAK) !== 0)) return overridden;
  const lives = new Uint8Array(table.length);
  functions.ofSymbol.forEach((symbol, f) => {
    const gone = symbols.binding[symbol] === STB_WEAK && outside.isOverridden(symbolName[symbol] as string) === true;
    if (gone) overridden[f] = 1;
    else lives[f] = 1;
  });
  for (let f = 0; f < table.length; f++) if (lives[f] === 1) overridden[f] = 0;
  for (let f = 0; f < table.length; f++) {
    const parent = table.parent[f] as number;
    if (parent !== f) overridden[f] = overridden[parent] as number;
  }
  return overridden;
}
