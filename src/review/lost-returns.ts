import type { Compared } from "../analyze/compare.ts";
import { CALLEE_NEVER_RETURNS } from "../rules/finding.ts";
import type { Judged } from "./judge.ts";

export interface Folded {
  readonly told: readonly Compared[];
  /** What is not told by itself. */
  readonly folded: readonly Compared[];
}

/**
 * A function that lost its return is one defect, however many objects call it and have code behind the call: what is told of the function itself
 * says it. Where nothing new is told of it (it never returns, and nothing is wrong with its body), the first caller's finding says it, and
 * names the others. Callers whose finding is no news stay as they are.
 * @param head the objects of the tip, by path
 */
export function foldCallers(compared: readonly Compared[], head: ReadonlyMap<string, Judged>): Folded {
  const speaks = ({ class: kind }: Compared): boolean => kind === "new" || kind === "worsened";
  const definedIn = (object: string, symbol: string): boolean =>
    head.get(object)?.analysis?.defined.has(symbol) === true;
  const callees = new Map<string, Compared[]>();
  for (const each of compared) {
    const callee = speaks(each) ? endlessCallee(each) : undefined;
    if (callee === undefined || definedIn(each.object, callee)) continue;
    callees.set(callee, [...(callees.get(callee) ?? []), each]);
  }
  const folded = new Set<Compared>();
  const naming = new Map<Compared, Compared>();
  for (const [callee, callers] of callees) {
    const isTold = compared.some(
      (each) => speaks(each) && each.finding.function === callee && definedIn(each.object, callee),
    );
    const [first, ...others] = callers as [Compared, ...Compared[]];
    for (const each of isTold ? callers : others) folded.add(each);
    if (isTold || others.length === 0) continue;
    const more = others.map(({ finding }) => ({ function: finding.function, says: `calls ${callee}() too` }));
    const finding = { ...first.finding, related: [...first.finding.related, ...more] };
    naming.set(first, { ...first, finding });
  }
  return {
    told: compared.filter((each) => !folded.has(each)).map((each) => naming.get(each) ?? each),
    folded: [...folded],
  };
}

function endlessCallee({ finding }: Compared): string | undefined {
  return finding.related.find(({ says }) => says === CALLEE_NEVER_RETURNS)?.function;
}
