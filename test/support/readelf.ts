// readelf's wide listings as values: the second reading that the ELF reader is compared with.

export interface ListedSection {
  readonly name: string;
  readonly type: string;
  readonly fileOffset: number;
  readonly size: number;
  readonly entrySize: number;
  /** readelf's flag letters, sorted. */
  readonly flags: string;
  readonly link: number;
  readonly info: number;
  readonly align: number;
}

/** `readelf -SW` */
export function parseSections(text: string): ListedSection[] {
  const out: ListedSection[] = [];
  const row =
    /^ +\[ *(\d+)\] (.*?) +([A-Z0-9_]+) +([0-9a-f]{16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) ([0-9a-f]{2,}) +([A-Za-z]*) +(\d+) +(\d+) +(\d+)$/gm;
  for (const [, index, name, type, , offset, size, entry, flags, link, info, align] of text.matchAll(row)) {
    if (Number(index) !== out.length) throw new Error(`readelf's row ${index} came as ${out.length}`);
    out.push({
      name: (name as string).trim(),
      type: type as string,
      fileOffset: Number.parseInt(offset as string, 16),
      size: Number.parseInt(size as string, 16),
      entrySize: Number.parseInt(entry as string, 16),
      flags: [...(flags as string)].sort().join(""),
      link: Number(link),
      info: Number(info),
      align: Number(align),
    });
  }
  return out;
}

export interface ListedSymbol {
  readonly value: number;
  readonly size: number;
  readonly type: string;
  readonly binding: string;
  /** UND, ABS, COM or the section index */
  readonly section: string;
  readonly name: string;
}

/** `readelf -sW` */
export function parseSymbols(text: string): ListedSymbol[] {
  const row = /^ +\d+: ([0-9a-f]{16}) +(\w+) (\w+) +(\w+) +\w+ +(?:\[.*?\] +)?(\w+) ?(.*)$/gm;
  return [...text.matchAll(row)].map(([, value, size, type, binding, section, name]) => ({
    value: Number.parseInt(value as string, 16),
    size: Number(size),
    type: type as string,
    binding: binding as string,
    section: section as string,
    name: (name as string).trim(),
  }));
}

export interface ListedReloc {
  readonly offset: number;
  readonly type: number;
  readonly symbol: number;
  readonly addend: number;
}

/** `readelf -rW`: relocation section -> its entries in file order */
export function parseRelocs(text: string): Map<string, ListedReloc[]> {
  const out = new Map<string, ListedReloc[]>();
  let list: ListedReloc[] = [];
  for (const line of text.split("\n")) {
    const head = /^Relocation section '(.*)' at offset/.exec(line);
    if (head !== null) {
      list = [];
      out.set(head[1] as string, list);
      continue;
    }
    const row = /^([0-9a-f]{16}) +([0-9a-f]{8})([0-9a-f]{8}) \S+ +(.*)$/.exec(line);
    if (row === null) continue;
    const [, offset, symbol, type, rest] = row as unknown as [string, string, string, string, string];
    const signed = / ([+-]) ([0-9a-f]+)$/.exec(rest);
    const magnitude = BigInt(`0x${signed === null ? (/([0-9a-f]+)$/.exec(rest)?.[1] ?? "0") : signed[2]}`);
    const addend = BigInt.asIntN(64, magnitude);
    list.push({
      offset: Number.parseInt(offset, 16),
      type: Number.parseInt(type, 16),
      symbol: Number.parseInt(symbol, 16),
      addend: Number(signed?.[1] === "-" ? -addend : addend),
    });
  }
  return out;
}
