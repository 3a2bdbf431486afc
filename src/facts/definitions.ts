import { type Definition, definedBy, type FactStore, hasNodes, isWeak, type Placed } from "./fact-store.ts";
import type { ObjectFacts } from "./object-facts.ts";

/**
 * The objects that are linked together and what they define, as one link sees it. A change of an object makes another Definitions over the same
 * store: it remembers what is different, so that it costs what the object costs.
 */
export class Definitions {
  readonly objects: ReadonlyMap<string, Placed>;
  readonly #store: FactStore;
  /** Names whose definitions differ from those of the store. */
  readonly #changed: ReadonlyMap<string, readonly Definition[]>;
  /** Objects whose facts differ from those of the store, or that are not there any more. */
  readonly #changedObjects: ReadonlySet<string>;

  private constructor(
    objects: ReadonlyMap<string, Placed>,
    store: FactStore,
    changed: ReadonlyMap<string, readonly Definition[]>,
    changedObjects: ReadonlySet<string>,
  ) {
    this.objects = objects;
    this.#store = store;
    this.#changed = changed;
    this.#changedObjects = changedObjects;
  }

  static of(store: FactStore): Definitions {
    return new Definitions(store.objects, store, new Map(), new Set());
  }

  /** The same with the facts of an object changed, added, or (undefined) taken away. */
  with(object: string, facts: ObjectFacts | undefined): Definitions {
    const before = this.objects.get(object);
    const objects = new Map(this.objects);
    const changed = new Map(this.#changed);
    const order = before?.order ?? 1 + Math.max(-1, ...[...objects.values()].map((each) => each.order));
    const names = new Set<string>();
    if (before !== undefined) for (const row of before.facts.symbols.name) names.add(before.facts.names[row] as string);
    for (const name of names)
      changed.set(
        name,
        this.all(name).filter((each) => each.object !== object),
      );
    if (facts === undefined) objects.delete(object);
    else {
      objects.set(object, { facts, order });
      for (const [name, definition] of definedBy(object, facts, order)) {
        const others = changed.get(name) ?? this.all(name);
        changed.set(
          name,
          [...others, definition].sort((a, b) => a.order - b.order),
        );
      }
    }
    return new Definitions(objects, this.#store, changed, new Set(this.#changedObjects).add(object));
  }

  /** Every definition of a name, in the order of the link. */
  all(name: string): readonly Definition[] {
    return this.#changed.get(name) ?? this.#store.definitions(name);
  }

  /** The one that the link takes: the first strong one, else the first weak one. */
  find(name: string): Definition | undefined {
    const all = this.all(name);
    return all.length < 2 ? all[0] : (all.find((each) => !isWeak(each)) ?? all[0]);
  }

  /** Facts of the objects that have nodes of returns or walks. */
  withNodes(): ObjectFacts[] {
    return this.#select(this.#store.withNodes, hasNodes).map(([, { facts }]) => facts);
  }

  /** Objects that have tables, in the order of the link. */
  withTables(): ReadonlyMap<string, Placed> {
    const found = this.#select(this.#store.withTables, (facts) => facts.tables.length > 0);
    return new Map(found.sort(([, a], [, b]) => a.order - b.order));
  }

  /** @param stored those of the store, for whose answer no facts have to be read */
  #select(stored: readonly string[], has: (facts: ObjectFacts) => boolean): [string, Placed][] {
    const found: [string, Placed][] = [];
    for (const object of stored)
      if (!this.#changedObjects.has(object)) found.push([object, this.objects.get(object) as Placed]);
    for (const object of this.#changedObjects) {
      const placed = this.objects.get(object);
      if (placed !== undefined && has(placed.facts)) found.push([object, placed]);
    }
    return found;
  }
}
