import { sortByPlace } from "../base/place-order.ts";
import { NONE } from "../base/table.ts";
import type { Code } from "./code.ts";

/** Where another symbol begins or ends: from `offset` of `section` on the innermost one is `symbol`. Ascending; of several at one place the last one holds. */
interface Steps {
  readonly section: Int32Array;
  readonly offset: Float64Array;
  readonly symbol: Int32Array;
}

/**
 * Finds the innermost of the symbols that cover a place. They are sorted and swept once, when it is first asked.
 * @param sized symbols of code that have a size
 */
export function coverFinder(code: Code, sized: readonly number[]): (section: number, offset: number) => number {
  let steps: Steps | undefined;
  return (wantedSection, wantedOffset) => {
    steps ??= sweep(code, sized);
    const { section, offset, symbol } = steps;
    let low = 0;
    let high = symbol.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const home = section[middle] as number;
      if (home < wantedSection || (home === wantedSection && (offset[middle] as number) <= wantedOffset))
        low = middle + 1;
      else high = middle;
    }
    return low === 0 || section[low - 1] !== wantedSection ? NONE : (symbol[low - 1] as number);
  };
}

function sweep({ object: { symbols } }: Code, sized: readonly number[]): Steps {
  const section = (s: number): number => symbols.section[s] as number;
  const start = (s: number): number => symbols.value[s] as number;
  const end = (s: number): number => start(s) + (symbols.size[s] as number);
  // Each symbol begins once and ends once.
  const steps = {
    section: new Int32Array(sized.length * 2),
    offset: new Float64Array(sized.length * 2),
    symbol: new Int32Array(sized.length * 2),
  };
  let count = 0;
  let ascends = true;
  const add = (home: number, offset: number, symbol: number): void => {
    ascends &&= count === 0 || steps.section[count - 1] !== home || (steps.offset[count - 1] as number) <= offset;
    steps.section[count] = home;
    steps.offset[count] = offset;
    steps.symbol[count++] = symbol;
  };
  const open: number[] = [];
  const close = (until: number, home: number): void => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (section(top) === home && end(top) > until) return;
      open.pop();
      const under = open.at(-1);
      const isUnder = under !== undefined && section(under) === section(top) && end(under) > end(top);
      add(section(top), end(top), isUnder ? under : NONE);
    }
  };
  for (const s of sortByPlace(sized, symbols.section, symbols.value, (a, b) => end(b) - end(a) || b - a)) {
    close(start(s), section(s));
    add(section(s), start(s), s);
    open.push(s);
  }
  close(Number.POSITIVE_INFINITY, NONE);
  return ascends ? steps : inOrder(steps);
}

/** Symbols that overlap without one lying in the other end in another order than they are closed in. */
function inOrder({ section, offset, symbol }: Steps): Steps {
  const order = Array.from(symbol.keys()).sort(
    (a, b) => (section[a] as number) - (section[b] as number) || (offset[a] as number) - (offset[b] as number) || a - b,
  );
  return {
    section: Int32Array.from(order, (n) => section[n] as number),
    offset: Float64Array.from(order, (n) => offset[n] as number),
    symbol: Int32Array.from(order, (n) => symbol[n] as number),
  };
}
