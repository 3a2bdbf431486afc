import type { ObjectFacts } from "./object-facts.ts";

/** Bytes of a slot: a function pointer. */
const SLOT = 8;

/** Functions that the slots of patchable tables may hold. A function that is local to its object is named "path:name". */
export interface OperationTables {
  targets(table: string, slot: number): readonly string[] | undefined;
  /** Section of a function that is named "path:name" and is some slot's target. */
  localSection(target: string): string | undefined;
  /** Every slot with its targets, in one order: equal texts mean equal tables. */
  describe(): string;
}

/**
 * A table holds what it is made with, what single instructions store to it, and what it is copied from: objects of its size that lie beside code that
 * names it other than in a call.
 */
export function readOperationTables(objects: ReadonlyMap<string, { readonly facts: ObjectFacts }>): OperationTables {
  const sizes = new Map<string, number>();
  const stored = new Set<string>();
  for (const { facts } of objects.values()) {
    for (const { name, size, isVisible } of facts.tables) {
      if (size === 0) stored.add(name);
      else if (isVisible && !sizes.has(name)) sizes.set(name, size);
    }
  }
  const bySlot = new Map<string, Set<string>>();
  const sections = new Map<string, string>();
  const put = (table: string, object: string, entries: ObjectFacts["tables"][number]["entries"]): void => {
    for (const [offset, name, localIn] of entries) {
      const target = localIn === "" ? name : `${object}:${name}`;
      if (localIn !== "") sections.set(target, localIn);
      const key = `${table} ${Math.floor(offset / SLOT)}`;
      const list = bySlot.get(key);
      if (list === undefined) bySlot.set(key, new Set([target]));
      else list.add(target);
    }
  };
  for (const [object, { facts }] of objects) {
    for (const { name, size, isVisible, entries } of facts.tables) {
      if (size === 0 || isVisible) put(name, object, entries);
      for (const table of stored)
        if (name !== table && size > 0 && size === sizes.get(table)) put(table, object, entries);
    }
  }
  return {
    targets(table, slot) {
      const found = bySlot.get(`${table} ${slot}`);
      return found === undefined ? undefined : [...found];
    },
    localSection: (target) => sections.get(target),
    describe: () =>
      [...bySlot]
        .map(([key, targets]) => `${key}: ${[...targets].sort().join(" ")}`)
        .sort()
        .join("\n"),
  };
}
