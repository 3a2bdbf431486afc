import { type ObjectFacts, SYMBOL_WEAK } from "./object-facts.ts";

// The objects that are linked together and what is asked of all of them by a symbol's name. Facts of an object may be read when they are first asked
// for: what a name says by itself (who defines it, how, who uses it) is known without.

/** An object in its link. */
export interface Placed {
  readonly facts: ObjectFacts;
  /** Place of the object in the link. */
  readonly order: number;
}

// Bits of Definition.flags behind the SYMBOL_* ones.
/** A node of facts.returns stands for it. */
export const DEFINES_RETURNS_NODE = 16;
/** A node of facts.walks stands for it. */
export const DEFINES_WALKS_NODE = 32;
/** facts.lost has an entry for it. */
export const DEFINES_LOST = 64;

/** One global or weak definition. */
export interface Definition extends Placed {
  /** Path of the object in its unit. */
  readonly object: string;
  /** Row of facts.symbols. */
  readonly row: number;
  /** SYMBOL_* and DEFINES_* */
  readonly flags: number;
}

/** An object that uses a symbol. */
export interface User {
  readonly object: string;
  readonly facts: ObjectFacts;
  /** USE_* */
  readonly how: number;
}

/** The objects of one link. */
export interface FactStore {
  /** By their paths, in the order of the link. */
  readonly objects: ReadonlyMap<string, Placed>;
  /** Every definition of a name, in the order of the link. */
  definitions(name: string): readonly Definition[];
  /** The objects that use a symbol, in the order of the link. */
  users(name: string): readonly User[];
  /** Objects that have nodes of returns or walks. */
  readonly withNodes: readonly string[];
  /** Objects that have tables. */
  readonly withTables: readonly string[];
}

export function isWeak({ flags }: Pick<Definition, "flags">): boolean {
  return (flags & SYMBOL_WEAK) !== 0;
}

export function hasNodes(facts: ObjectFacts): boolean {
  return facts.returns.length > 0 || facts.walks.length > 0;
}

/** Row of facts.symbols -> Definition.flags. */
export function definitionFlags(facts: ObjectFacts): number[] {
  const flags = [...facts.symbols.flags];
  const mark = (row: number, bit: number): void => {
    flags[row] = (flags[row] as number) | bit;
  };
  for (const [rows] of facts.returns) for (const row of rows) mark(row, DEFINES_RETURNS_NODE);
  for (const [rows] of facts.walks) for (const row of rows) mark(row, DEFINES_WALKS_NODE);
  for (const [row] of facts.lost) mark(row, DEFINES_LOST);
  return flags;
}

/** What an object defines, by name. */
export function definedBy(object: string, facts: ObjectFacts, order: number): [name: string, Definition][] {
  const flags = definitionFlags(facts);
  return facts.symbols.name.map((name, row) => [
    facts.names[name] as string,
    { object, facts, row, order, flags: flags[row] as number },
  ]);
}

/** Objects whose facts are all at hand. What is asked by name is worked out when it is first asked for; linear in the facts. */
export function storeOf(objects: ReadonlyMap<string, ObjectFacts>): FactStore {
  const placed = new Map<string, Placed>();
  for (const [object, facts] of objects) placed.set(object, { facts, order: placed.size });
  let definitions: Map<string, Definition[]> | undefined;
  let users: Map<string, User[]> | undefined;
  const having = (has: (facts: ObjectFacts) => boolean): string[] =>
    [...objects].flatMap(([object, facts]) => (has(facts) ? [object] : []));
  return {
    objects: placed,
    definitions(name) {
      definitions ??= collect(placed, definedBy);
      return definitions.get(name) ?? [];
    },
    users(name) {
      users ??= collect(placed, usedBy);
      return users.get(name) ?? [];
    },
    withNodes: having(hasNodes),
    withTables: having((facts) => facts.tables.length > 0),
  };
}

/** What an object uses, by name. */
export function usedBy(object: string, facts: ObjectFacts): [name: string, User][] {
  const { name, how } = facts.uses;
  return name.map((row, i) => [facts.names[row] as string, { object, facts, how: how[i] as number }]);
}

function collect<T>(
  objects: ReadonlyMap<string, Placed>,
  rows: (object: string, facts: ObjectFacts, order: number) => readonly (readonly [name: string, T])[],
): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const [object, { facts, order }] of objects) {
    for (const [name, row] of rows(object, facts, order)) {
      const list = found.get(name);
      if (list === undefined) found.set(name, [row]);
      else list.push(row);
    }
  }
  return found;
}
