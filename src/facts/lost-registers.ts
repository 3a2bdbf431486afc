import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { solveReturns } from "../flow/returns.ts";
import { findLostRegisters } from "../unwind/kept-registers.ts";
import { simulateFrames } from "../unwind/simulate.ts";
import { LOST_UNKNOWN, type ObjectFacts } from "./object-facts.ts";

/**
 * Which functions do not keep what the calling convention lets callers rely on, as the object by itself shows it: calls out of it are taken to return
 * and to keep their registers. A caller that relies on one which does not is told itself, so that nothing has to be solved over objects.
 * @param symbolRow symbol of the object -> row of SymbolFacts
 */
export function readLostRegisters(flow: Flow, symbolRow: ReadonlyMap<number, number>): ObjectFacts["lost"] {
  const { functions, marks } = flow;
  const { table, ofSymbol } = functions;
  const returns = solveReturns(flow, () => undefined);
  const frames = simulateFrames(flow, returns);
  const kept = findLostRegisters(flow, returns, frames);
  const unfinished = new Set(kept.unfinished);
  const masks = new Map<number, number>();
  for (const { owner, register } of kept.lost) masks.set(owner, (masks.get(owner) ?? 0) | (1 << register));
  const found: [number, number][] = [];
  for (const [symbol, row] of symbolRow) {
    const f = ofSymbol.get(symbol);
    if (f === undefined) continue;
    const whole = table.parent[f] as number;
    const first = table.firstInsn[f] as number;
    const isFollowed =
      first !== NONE && frames.state[first] !== NONE && marks.excluded[whole] === 0 && !unfinished.has(whole);
    const mask = isFollowed ? (masks.get(whole) ?? 0) : LOST_UNKNOWN;
    if (mask !== 0) found.push([row, mask]);
  }
  return found;
}
