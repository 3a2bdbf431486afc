import { FormatError } from "../base/errors.ts";
import { decodeFacts, encodeFacts } from "./encode.ts";
import { type Definition, definitionFlags, type FactStore, hasNodes, type Placed, type User } from "./fact-store.ts";
import type { UnitStore } from "./kernel-index.ts";
import type { ObjectFacts } from "./object-facts.ts";

// The facts of all objects of a kernel in one file, made to be asked for a few symbols: names are found by halving, who defines and who uses them stands
// beside them, and the facts of an object are read when somebody asks for them.
//
//   8 words      numbers of names, members (objects in units), records; of members with tables, with nodes; bytes of directory, names, records
//   name starts, starts of definitions, starts of uses    one word for each name and one behind
//   definitions  two words each: member, row of facts.symbols << 8 | Definition.flags
//   uses         two words each: member, USE_*
//   record of each member; record starts and one behind; members with tables; members with nodes
//   directory    JSON: [[unit, [object, ...]], ...] with members counted through, then the digest of each record's code
//   names        UTF-8, ascending by bytes
//   records      one text of encodeFacts() for each code
//
// A word is 4 bytes, little endian. Members, and with them definitions and uses of a name, are in the order of the link. Whoever keeps the file keeps a
// checksum beside it: what is read here is trusted to be what was written, apart from records, which decodeFacts() checks.

/** A unit with its objects, in the order of the link, and the digest of each one's code. */
export interface UnitCodes {
  readonly unit: string;
  readonly objects: ReadonlyMap<string, string>;
}

export interface FactFile {
  readonly units: readonly UnitStore[];
  /** Object -> digest of its code. */
  readonly codeOf: ReadonlyMap<string, string>;
}

const HEADER_WORDS = 8;
const FLAG_BITS = 8;
const MAX_ROW = 1 << (32 - FLAG_BITS);

/** @param facts by the digest of the code; every code of `units` is in it. Throws RangeError for an object with 16 million symbols. */
export function writeFactFile(units: readonly UnitCodes[], facts: ReadonlyMap<string, ObjectFacts>): Uint8Array {
  const codes = [...facts.keys()].sort();
  const recordOfCode = new Map(codes.map((code, record) => [code, record]));
  const defined = new Map<string, number[]>();
  const used = new Map<string, number[]>();
  const recordOf: number[] = [];
  const withTables: number[] = [];
  const withNodes: number[] = [];
  for (const code of units.flatMap(({ objects }) => [...objects.values()])) {
    const member = recordOf.length;
    const one = facts.get(code) as ObjectFacts;
    recordOf.push(recordOfCode.get(code) as number);
    if (one.tables.length > 0) withTables.push(member);
    if (hasNodes(one)) withNodes.push(member);
    const flags = definitionFlags(one);
    if (flags.length >= MAX_ROW) throw new RangeError(`an object with ${flags.length} symbols`);
    for (const [row, name] of one.symbols.name.entries())
      pushPair(defined, one.names[name] as string, member, ((row << FLAG_BITS) | (flags[row] as number)) >>> 0);
    for (const [i, name] of one.uses.name.entries())
      pushPair(used, one.names[name] as string, member, one.uses.how[i] as number);
  }
  const encoder = new TextEncoder();
  const names = [...new Set([...defined.keys(), ...used.keys()])]
    .map((name) => ({ name, bytes: encoder.encode(name) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes, 0, b.bytes.length));
  const listsOf = (lists: ReadonlyMap<string, readonly number[]>) => names.map(({ name }) => lists.get(name) ?? []);
  const records = codes.map((code) => encoder.encode(encodeFacts(facts.get(code) as ObjectFacts)));
  const directory = encoder.encode(
    JSON.stringify([units.map(({ unit, objects }) => [unit, [...objects.keys()]]), codes]),
  );
  const nameStarts = starts(names.map(({ bytes }) => bytes.length));
  const recordStarts = starts(records.map(({ length }) => length));
  const words = [
    [names.length, recordOf.length, codes.length, withTables.length, withNodes.length],
    [directory.length, nameStarts.at(-1) as number, recordStarts.at(-1) as number],
    nameStarts,
    starts(listsOf(defined).map((list) => list.length / 2)),
    starts(listsOf(used).map((list) => list.length / 2)),
    listsOf(defined).flat(),
    listsOf(used).flat(),
    recordOf,
    recordStarts,
    withTables,
    withNodes,
  ].flat();
  return join(words, [directory, ...names.map(({ bytes }) => bytes), ...records]);
}

/** @throws FormatError for bytes that are cut off; what is wrong in a record is told when it is asked for */
export function readFactFile(bytes: Uint8Array): FactFile {
  return new Reader(bytes).open();
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  readonly #nameCount: number;
  readonly #memberCount: number;
  // Byte offsets of the parts.
  readonly #nameStarts: number;
  readonly #definedStarts: number;
  readonly #usedStarts: number;
  readonly #defined: number;
  readonly #used: number;
  readonly #recordOf: number;
  readonly #recordStarts: number;
  readonly #names: number;
  readonly #records: number;
  readonly #withTables: readonly number[];
  readonly #withNodes: readonly number[];
  readonly #directory: string;
  /** Name -> its row, -1 for one that is not there. */
  readonly #rowOf = new Map<string, number>();
  readonly #facts: (ObjectFacts | undefined)[];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    /** Byte offset of a part that is so many words long. */
    const skip = (words: number): number => {
      const from = at;
      at += words * 4;
      if (at > bytes.length) throw new FormatError("truncated", "the facts are cut off", { format: "facts" });
      return from;
    };
    const word = (offset: number): number => this.#view.getUint32(offset, true);
    const header = skip(HEADER_WORDS);
    const sizes = Array.from({ length: HEADER_WORDS }, (_, i) => word(header + i * 4));
    const [names, members, records, tables, nodes, directoryBytes, nameBytes, recordBytes] = sizes as [
      ...[number, number, number, number],
      ...[number, number, number, number],
    ];
    this.#nameCount = names;
    this.#memberCount = members;
    this.#nameStarts = skip(names + 1);
    this.#definedStarts = skip(names + 1);
    this.#usedStarts = skip(names + 1);
    this.#defined = skip(2 * word(this.#definedStarts + names * 4));
    this.#used = skip(2 * word(this.#usedStarts + names * 4));
    this.#recordOf = skip(members);
    this.#recordStarts = skip(records + 1);
    const list = (length: number): number[] => {
      const from = skip(length);
      return Array.from({ length }, (_, i) => word(from + i * 4));
    };
    this.#withTables = list(tables);
    this.#withNodes = list(nodes);
    this.#facts = new Array(records);
    if (at + directoryBytes + nameBytes + recordBytes !== bytes.length)
      throw new FormatError("truncated", "the facts are cut off", { format: "facts" });
    this.#directory = this.#text(at, at + directoryBytes);
    this.#names = at + directoryBytes;
    this.#records = this.#names + nameBytes;
  }

  open(): FactFile {
    const [units, codes] = JSON.parse(this.#directory) as [[string, string[]][], string[]];
    const stores: UnitStore[] = [];
    const codeOf = new Map<string, string>();
    let first = 0;
    for (const [unit, objects] of units) {
      for (const [i, object] of objects.entries()) codeOf.set(object, codes[this.#record(first + i)] as string);
      stores.push({ unit, store: this.#storeOf(objects, first) });
      first += objects.length;
    }
    if (first !== this.#memberCount)
      throw new FormatError("bad-value", "the facts are of other objects", { format: "facts" });
    return { units: stores, codeOf };
  }

  /** @param first member that the unit's first object is */
  #storeOf(objects: readonly string[], first: number): FactStore {
    const placed = objects.map((object, order) => new Member(this, object, order, first + order));
    const end = first + objects.length;
    const own = (members: readonly number[]): string[] =>
      members.flatMap((member) => (member >= first && member < end ? [objects[member - first] as string] : []));
    const definitions = new Map<string, readonly Definition[]>();
    const users = new Map<string, readonly User[]>();
    return {
      objects: new Map(placed.map((each) => [each.object, each])),
      definitions: (name) =>
        remembered(definitions, name, () =>
          this.#pairs(name, this.#definedStarts, this.#defined, first, end).map(
            ([member, value]) => new StoredDefinition(placed[member - first] as Member, value),
          ),
        ),
      users: (name) =>
        remembered(users, name, () =>
          this.#pairs(name, this.#usedStarts, this.#used, first, end).map(
            ([member, how]) => new StoredUser(placed[member - first] as Member, how),
          ),
        ),
      withTables: own(this.#withTables),
      withNodes: own(this.#withNodes),
    };
  }

  /** Those of a name's pairs whose member is of one unit. */
  #pairs(
    name: string,
    listStarts: number,
    lists: number,
    first: number,
    end: number,
  ): [member: number, value: number][] {
    const row = this.#findName(name);
    if (row < 0) return [];
    const found: [number, number][] = [];
    const last = this.#word(listStarts, row + 1);
    for (let i = this.#word(listStarts, row); i < last; i++) {
      const member = this.#word(lists, 2 * i);
      if (member >= first && member < end) found.push([member, this.#word(lists, 2 * i + 1)]);
    }
    return found;
  }

  #findName(name: string): number {
    let row = this.#rowOf.get(name);
    if (row === undefined) {
      row = this.#searchName(this.#encoder.encode(name));
      this.#rowOf.set(name, row);
    }
    return row;
  }

  #searchName(wanted: Uint8Array): number {
    let low = 0;
    let high = this.#nameCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const from = this.#names + this.#word(this.#nameStarts, middle);
      const order = compareBytes(wanted, this.#bytes, from, this.#names + this.#word(this.#nameStarts, middle + 1));
      if (order === 0) return middle;
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return -1;
  }

  /** Throws FormatError. */
  facts(member: number): ObjectFacts {
    const record = this.#record(member);
    let facts = this.#facts[record];
    if (facts === undefined) {
      const from = this.#records + this.#word(this.#recordStarts, record);
      facts = decodeFacts(this.#text(from, this.#records + this.#word(this.#recordStarts, record + 1)));
      this.#facts[record] = facts;
    }
    return facts;
  }

  #record(member: number): number {
    return this.#word(this.#recordOf, member);
  }

  #word(part: number, index: number): number {
    return this.#view.getUint32(part + index * 4, true);
  }

  #text(from: number, to: number): string {
    return this.#decoder.decode(this.#bytes.subarray(from, to));
  }
}

/** An object of a unit, its facts read when somebody wants them. */
class Member implements Placed {
  readonly object: string;
  readonly order: number;
  readonly #reader: Reader;
  readonly #member: number;

  constructor(reader: Reader, object: string, order: number, member: number) {
    this.#reader = reader;
    this.object = object;
    this.order = order;
    this.#member = member;
  }

  get facts(): ObjectFacts {
    return this.#reader.facts(this.#member);
  }
}

class StoredDefinition implements Definition {
  readonly #member: Member;
  readonly row: number;
  readonly flags: number;

  constructor(member: Member, value: number) {
    this.#member = member;
    this.row = value >>> FLAG_BITS;
    this.flags = value & ((1 << FLAG_BITS) - 1);
  }

  get object(): string {
    return this.#member.object;
  }

  get order(): number {
    return this.#member.order;
  }

  get facts(): ObjectFacts {
    return this.#member.facts;
  }
}

class StoredUser implements User {
  readonly #member: Member;
  readonly how: number;

  constructor(member: Member, how: number) {
    this.#member = member;
    this.how = how;
  }

  get object(): string {
    return this.#member.object;
  }

  get facts(): ObjectFacts {
    return this.#member.facts;
  }
}

function remembered<T>(known: Map<string, T>, name: string, work: () => T): T {
  let found = known.get(name);
  if (found === undefined) {
    found = work();
    known.set(name, found);
  }
  return found;
}

function pushPair(lists: Map<string, number[]>, name: string, first: number, second: number): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [first, second]);
  else list.push(first, second);
}

/** Where each of them begins that lie one behind the other, and where the last one ends. */
function starts(lengths: readonly number[]): number[] {
  const found = [0];
  for (const length of lengths) found.push((found.at(-1) as number) + length);
  return found;
}

/** Order of `wanted` and of the bytes from `from` to `to`. */
function compareBytes(wanted: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  const common = Math.min(wanted.length, to - from);
  for (let i = 0; i < common; i++) {
    const difference = (wanted[i] as number) - (bytes[from + i] as number);
    if (difference !== 0) return difference;
  }
  return wanted.length - (to - from);
}

function join(words: readonly number[], parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4 + parts.reduce((sum, part) => sum + part.length, 0));
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  let at = words.length * 4;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
