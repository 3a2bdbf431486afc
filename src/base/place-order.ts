/** Offsets and counts up to which both fit into one double, exactly. */
const MOST_OFFSET = 2 ** 32;
const MOST_ROWS = 2 ** 20;

/**
 * Sorts rows by section, then by offset. A linked kernel has 60,000 symbols in code, and a sort that asks a function for each comparison takes ten times
 * as long as one of numbers: an offset and the place in the list are packed into one number.
 * @param among orders the rows at one place
 */
export function sortByPlace(
  rows: readonly number[],
  section: ArrayLike<number>,
  offset: ArrayLike<number>,
  among: (a: number, b: number) => number,
): number[] {
  const bySection = new Map<number, number[]>();
  for (const row of rows) {
    const home = section[row] as number;
    const list = bySection.get(home);
    if (list === undefined) bySection.set(home, [row]);
    else list.push(row);
  }
  const sorted: number[] = [];
  for (const home of [...bySection.keys()].sort((a, b) => a - b)) {
    const list = sortByOffset(bySection.get(home) as number[], offset);
    for (let from = 0; from < list.length; ) {
      const at = offset[list[from] as number] as number;
      let to = from + 1;
      while (to < list.length && offset[list[to] as number] === at) to++;
      if (to === from + 1) sorted.push(list[from] as number);
      else for (const row of list.slice(from, to).sort(among)) sorted.push(row);
      from = to;
    }
  }
  return sorted;
}

function sortByOffset(rows: number[], offset: ArrayLike<number>): number[] {
  const keys = new Float64Array(rows.length);
  for (let n = 0; n < rows.length; n++) {
    const at = offset[rows[n] as number] as number;
    // Only a damaged object has such an offset.
    if (at >= MOST_OFFSET || n >= MOST_ROWS)
      return rows.sort((a, b) => (offset[a] as number) - (offset[b] as number) || a - b);
    keys[n] = at * MOST_ROWS + n;
  }
  return Array.from(keys.sort(), (key) => rows[key % MOST_ROWS] as number);
}
