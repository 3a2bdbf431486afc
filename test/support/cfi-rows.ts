// readelf's interpreted call-frame information as values: the second opinion on where the caller's frame is.

export interface CfiRow {
  /** Section offset from which the row holds, to the next row or the end of its function. */
  readonly from: number;
  readonly to: number;
  /** "rsp+16", "rbp+16", or "exp" for a DWARF expression. */
  readonly cfa: string;
  /** register -> slot as readelf writes it: "c-16" is CFA-16, "u" not saved, "exp" or "vexp" an expression */
  readonly register: ReadonlyMap<string, string>;
}

/** `readelf --debug-dump=frames-interp` of an object with one section of code; rows in order of their offsets. */
export function parseCfiRows(text: string): CfiRow[] {
  const rows: CfiRow[] = [];
  let end = 0;
  let isFunction = false;
  let columns: string[] = [];
  let inFunction: { from: number; cfa: string; register: Map<string, string> }[] = [];
  const finish = (): void => {
    for (const [n, row] of inFunction.entries()) rows.push({ ...row, to: inFunction[n + 1]?.from ?? end });
    inFunction = [];
  };
  for (const line of text.split("\n")) {
    const entry = / (CIE|FDE) (?:.*pc=([0-9a-f]+)\.\.([0-9a-f]+))?/.exec(line);
    if (entry !== null) {
      finish();
      isFunction = entry[1] === "FDE";
      if (entry[3] !== undefined) end = Number.parseInt(entry[3], 16);
      // A function that never moves its frame has no rows of its own: those of its CIE hold.
      if (isFunction)
        inFunction.push({ from: Number.parseInt(entry[2]!, 16), cfa: "rsp+8", register: new Map([["ra", "c-8"]]) });
      continue;
    }
    if (!isFunction) continue;
    const words = line.trim().split(/\s+/);
    if (words[0] === "LOC") columns = words.slice(2);
    else if (/^[0-9a-f]{16}$/.test(words[0] ?? "")) {
      const from = Number.parseInt(words[0]!, 16);
      const register = new Map(columns.map((name, n) => [name, words[2 + n]!]));
      if (inFunction[0]?.from === from) inFunction = [];
      inFunction.push({ from, cfa: words[1]!, register });
    }
  }
  finish();
  return rows.sort((a, b) => a.from - b.from);
}
