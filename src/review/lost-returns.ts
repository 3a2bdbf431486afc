import type { Compared } from "../analyze/compare.ts";
import { CALLEE_LOSES_REGISTER, CALLEE_NEVER_RETURNS } from "../rules/finding.ts";
import type { Judged } from "./judge.ts";

export interface Folded {
  readonly told: readonly Compared[];
  /** What is not told by itself. */
  readonly folded: readonly Compared[];
}

/**
 * A function that lost its return, or no longer keeps a register, is one defect, however many objects call it: what is told of the function itself says
 * it. Where nothing new is told of it (it never returns, and nothing is wrong with its body; it never kept the register, and now it is called as if it
 * did), the first caller's finding says it, and names the others. Callers whose finding is no news stay as they are.
 * @param head the objects of the tip, by path
 */
export function foldCallers(compared: readonly Compared[], head: ReadonlyMap<string, Judged>): Folded {
  const speaks = ({ class: kind }: Compared): boolean => kind === "new" || kind === "worsened";
  const definedIn = (object: string, symbol: string): boolean =>
    head.get(object)?.analysis?.defined.has(symbol) === true;
  const groups = new Map<string, { readonly cause: Cause; readonly callers: Compared[] }>();
  for (const each of compared) {
    const cause = speaks(each) ? causeOf(each) : undefined;
    // Of its own functions an object tells a lost return at the function alone.
    if (cause === undefined || (cause.rule === undefined && definedIn(each.object, cause.callee))) continue;
    const key = `${cause.rule ?? ""} ${cause.callee}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { cause, callers: [each] });
    else group.callers.push(each);
  }
  const folded = new Set<Compared>();
  const naming = new Map<Compared, Compared>();
  for (const { cause, callers } of groups.values()) {
    const { callee, rule } = cause;
    const tells = ({ object }: Compared): boolean =>
      compared.some(
        (each) =>
          speaks(each) &&
          each.finding.function === callee &&
          // A local function is its object's own, whatever others call theirs.
          (each.object === object || definedIn(each.object, callee)) &&
          (rule === undefined || each.finding.rule === rule),
      );
    const untold = callers.filter((caller) => !tells(caller));
    for (const caller of callers) if (caller !== untold[0]) folded.add(caller);
    const [first, ...others] = untold;
    if (first === undefined) continue;
    const names = new Set(others.map(({ finding }) => finding.function));
    names.delete(first.finding.function);
    if (names.size === 0) continue;
    const more = [...names].map((name) => ({ function: name, says: `calls ${callee}() too` }));
    const finding = { ...first.finding, related: [...first.finding.related, ...more] };
    naming.set(first, { ...first, finding });
  }
  return {
    told: compared.filter((each) => !folded.has(each)).map((each) => naming.get(each) ?? each),
    folded: [...folded],
  };
}

/** What a caller's finding is the consequence of. */
interface Cause {
  readonly callee: string;
  /** Rule by which the callee's own finding says it; any where that is open. */
  readonly rule: string | undefined;
}

function causeOf({ finding }: Compared): Cause | undefined {
  for (const { function: callee, says } of finding.related) {
    if (says === CALLEE_NEVER_RETURNS) return { callee, rule: undefined };
    if (says === CALLEE_LOSES_REGISTER) return { callee, rule: finding.rule };
  }
  return undefined;
}
