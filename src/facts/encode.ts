import { FormatError } from "../base/errors.ts";
import { isBitText } from "./bit-text.ts";
import type {
  AddressFacts,
  FunctionNode,
  ObjectFacts,
  SectionFacts,
  SymbolFacts,
  TableEntry,
  TableFacts,
  UseFacts,
  WalkNode,
} from "./object-facts.ts";
import {
  END_INDIRECT_BRANCH,
  END_RETURN,
  END_UNKNOWN,
  END_UNTRAINING,
  FACTS_VERSION,
  LOST_UNKNOWN,
  SYMBOL_BOUND,
  SYMBOL_DATA,
  SYMBOL_FUNCTION,
  SYMBOL_WEAK,
  USE_ADDRESS,
  USE_CALL,
  USE_TAIL_CALL,
} from "./object-facts.ts";

// The stored form is one JSON text. Section offsets of landing pads are stored as differences, which are small. What is read back is checked
// whole: a row that names another row always finds it, so that nothing that uses facts has to look again.

const FORMAT = "symbol facts";

/** One line of JSON, the same for the same facts. */
export function encodeFacts(facts: ObjectFacts): string {
  const sections = facts.sections.map(({ name, size, isCode, pads, exempt, bounds, starts }) => [
    name,
    size,
    isCode ? 1 : 0,
    differences(pads),
    differences(exempt),
    differences(bounds),
    starts,
  ]);
  const { symbols, uses, addresses } = facts;
  return JSON.stringify([
    facts.version,
    facts.machine,
    facts.names,
    sections,
    [symbols.name, symbols.flags, symbols.section, symbols.value],
    facts.returns,
    facts.walks,
    [uses.name, uses.how],
    [addresses.name, addresses.section, addresses.holder, addresses.offset, addresses.addend, addresses.isCode],
    facts.tables.map(({ name, size, isVisible, entries }) => [name, size, isVisible ? 1 : 0, entries]),
    facts.lost,
  ]);
}

/** @throws FormatError for a text that encodeFacts of this version does not write; time and memory are linear in the text */
export function decodeFacts(text: string): ObjectFacts {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw wrong("bad-value", "no JSON text");
  }
  const fields = list(parsed, "the facts");
  if (fields[0] !== FACTS_VERSION) throw wrong("unsupported", `version ${show(fields[0])}, wanted ${FACTS_VERSION}`);
  if (fields.length !== 11) throw wrong("bad-value", `${fields.length} fields, wanted 11`);
  const [, machine, rawNames, rawSections, rawSymbols, rawReturns, rawWalks, rawUses, rawAddresses, rawTables] = fields;
  const rawLost = fields[10];
  const names = list(rawNames, "names").map((name) => word(name, "names"));
  const sections = list(rawSections, "sections").map(readSection);
  const symbols = readSymbols(rawSymbols, names.length, sections.length);
  return {
    version: FACTS_VERSION,
    machine: integer(machine, 0, 0xffff, "machine"),
    names,
    sections,
    symbols,
    returns: readNodes(rawReturns, symbols.name.length, names.length, 3) as unknown as FunctionNode[],
    walks: readNodes(rawWalks, symbols.name.length, names.length, 4) as unknown as WalkNode[],
    lost: list(rawLost, "lost registers").map((each) => readLost(each, symbols.name.length)),
    uses: readUses(rawUses, names.length),
    addresses: readAddresses(rawAddresses, names.length),
    tables: list(rawTables, "tables").map(readTable),
  };
}

function wrong(code: "bad-value" | "unsupported", message: string): FormatError {
  return new FormatError(code, message, { format: FORMAT });
}

function show(value: unknown): string {
  return typeof value === "number" ? String(value) : typeof value;
}

function list(value: unknown, what: string, length?: number): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong("bad-value", `${what}: ${show(value)} where a list is wanted`);
  if (length !== undefined && value.length !== length)
    throw wrong("bad-value", `${what}: ${value.length} items, wanted ${length}`);
  return value;
}

function word(value: unknown, what: string): string {
  if (typeof value !== "string") throw wrong("bad-value", `${what}: ${show(value)} where a name is wanted`);
  return value;
}

const FURTHEST = Number.MAX_SAFE_INTEGER;

function integer(value: unknown, from: number, to: number, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < from || value > to)
    throw wrong("bad-value", `${what}: ${show(value)} is not between ${from} and ${to}`);
  return value;
}

function integers(value: unknown, from: number, to: number, what: string, length?: number): number[] {
  const items = list(value, what, length);
  for (let i = 0; i < items.length; i++) integer(items[i], from, to, what);
  return items as number[];
}

function differences(ascending: readonly number[]): number[] {
  return ascending.map((value, i) => value - (i === 0 ? 0 : (ascending[i - 1] as number)));
}

function sums(value: unknown, size: number, what: string): number[] {
  let at = 0;
  return integers(value, 0, FURTHEST, what).map((step) => {
    at = integer(at + step, 0, size, what);
    return at;
  });
}

function readSection(value: unknown): SectionFacts {
  const [name, rawSize, isCode, pads, exempt, bounds, rawStarts] = list(value, "section", 7);
  const size = integer(rawSize, 0, FURTHEST, "section size");
  const starts = word(rawStarts, "instruction starts");
  if (starts !== "" && !isBitText(starts, size)) throw wrong("bad-value", "instruction starts: not a set of offsets");
  return {
    name: word(name, "section"),
    size,
    isCode: integer(isCode, 0, 1, "section kind") === 1,
    pads: sums(pads, size, "landing pads"),
    exempt: sums(exempt, size, "exempt places"),
    bounds: sums(bounds, size, "bounds"),
    starts,
  };
}

function readSymbols(value: unknown, names: number, sections: number): SymbolFacts {
  const [name, flags, section, offset] = list(value, "symbols", 4);
  const rows = integers(name, 0, names - 1, "symbol name");
  const count = rows.length;
  return {
    name: rows,
    flags: integers(flags, 0, SYMBOL_WEAK | SYMBOL_FUNCTION | SYMBOL_DATA | SYMBOL_BOUND, "symbol flags", count),
    section: integers(section, -1, sections - 1, "symbol section", count),
    value: integers(offset, 0, FURTHEST, "symbol value", count),
  };
}

function readNodes(value: unknown, symbols: number, names: number, fields: 3 | 4): unknown[] {
  const nodes = list(value, "nodes");
  const most = END_RETURN | END_INDIRECT_BRANCH | END_UNTRAINING | END_UNKNOWN;
  for (const node of nodes) {
    const [of, to, inside, ends] = list(node, "node", fields);
    integers(of, 0, symbols - 1, "node symbol");
    integers(to, 0, names - 1, "node name");
    integers(inside, 0, nodes.length - 1, "node");
    if (fields === 4) integer(ends, 0, most, "node ends");
  }
  return nodes as unknown[];
}

function readLost(value: unknown, symbols: number): readonly [number, number] {
  const [row, mask] = list(value, "lost registers", 2);
  return [integer(row, 0, symbols - 1, "symbol"), integer(mask, LOST_UNKNOWN, 0x7fff_ffff, "lost registers")];
}

function readUses(value: unknown, names: number): UseFacts {
  const [name, how] = list(value, "uses", 2);
  const rows = integers(name, 0, names - 1, "used name");
  return { name: rows, how: integers(how, 0, USE_CALL | USE_TAIL_CALL | USE_ADDRESS, "use", rows.length) };
}

function readAddresses(value: unknown, names: number): AddressFacts {
  const [name, section, holder, offset, addend, isCode] = list(value, "addresses", 6);
  const rows = integers(name, 0, names - 1, "address name");
  const count = rows.length;
  return {
    name: rows,
    section: integers(section, 0, names - 1, "address section", count),
    holder: integers(holder, 0, names - 1, "address holder", count),
    offset: integers(offset, 0, FURTHEST, "address offset", count),
    addend: integers(addend, -FURTHEST, FURTHEST, "address addend", count),
    isCode: integers(isCode, 0, 1, "address kind", count),
  };
}

function readTable(value: unknown): TableFacts {
  const [name, size, isVisible, entries] = list(value, "table", 4);
  return {
    name: word(name, "table"),
    size: integer(size, 0, FURTHEST, "table size"),
    isVisible: integer(isVisible, 0, 1, "table binding") === 1,
    entries: list(entries, "table entries").map((entry): TableEntry => {
      const [offset, target, localIn] = list(entry, "table entry", 3);
      return [
        integer(offset, -FURTHEST, FURTHEST, "table entry"),
        word(target, "table entry"),
        word(localIn, "table entry"),
      ];
    }),
  };
}
