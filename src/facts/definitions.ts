import { type ObjectFacts, SYMBOL_WEAK } from "./object-facts.ts";

/** One global or weak definition. */
export interface Definition {
  /** Path of the object in its unit. */
  readonly object: string;
  readonly facts: ObjectFacts;
  /** Row of facts.symbols. */
  readonly row: number;
  /** Place of the object in the link. */
  readonly order: number;
}

export function isWeak({ facts, row }: Definition): boolean {
  return ((facts.symbols.flags[row] as number) & SYMBOL_WEAK) !== 0;
}

interface Placed {
  readonly facts: ObjectFacts;
  readonly order: number;
}

/**
 * The objects that are linked together and what they define, as one link sees it. A change of an object makes another Definitions over the same
 * store: it remembers what is different, so that it costs what the object costs.
 */
export class Definitions {
  readonly objects: ReadonlyMap<string, Placed>;
  readonly #all: ReadonlyMap<string, Definition | readonly Definition[]>;
  /** Names whose definitions differ from those of #all. */
  readonly #changed: ReadonlyMap<string, readonly Definition[]>;

  private constructor(
    objects: ReadonlyMap<string, Placed>,
    all: ReadonlyMap<string, Definition | readonly Definition[]>,
    changed: ReadonlyMap<string, readonly Definition[]>,
  ) {
    this.objects = objects;
    this.#all = all;
    this.#changed = changed;
  }

  /** @param objects in the order of the link */
  static of(objects: ReadonlyMap<string, ObjectFacts>): Definitions {
    const placed = new Map<string, Placed>();
    const all = new Map<string, Definition | Definition[]>();
    for (const [object, facts] of objects) {
      const order = placed.size;
      placed.set(object, { facts, order });
      for (let row = 0; row < facts.symbols.name.length; row++) {
        const name = facts.names[facts.symbols.name[row] as number] as string;
        const definition = { object, facts, row, order };
        const before = all.get(name);
        if (before === undefined) all.set(name, definition);
        else if (Array.isArray(before)) before.push(definition);
        else all.set(name, [before as Definition, definition]);
      }
    }
    return new Definitions(placed, all, new Map());
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
      for (let row = 0; row < facts.symbols.name.length; row++) {
        const name = facts.names[facts.symbols.name[row] as number] as string;
        const others = changed.get(name) ?? this.all(name);
        changed.set(
          name,
          [...others, { object, facts, row, order }].sort((a, b) => a.order - b.order),
        );
      }
    }
    return new Definitions(objects, this.#all, changed);
  }

  /** Every definition of a name, in the order of the link. */
  all(name: string): readonly Definition[] {
    const changed = this.#changed.get(name);
    if (changed !== undefined) return changed;
    const found = this.#all.get(name);
    return found === undefined ? [] : Array.isArray(found) ? found : [found as Definition];
  }

  /** The one that the link takes: the first strong one, else the first weak one. */
  find(name: string): Definition | undefined {
    const changed = this.#changed.get(name);
    if (changed === undefined) {
      const found = this.#all.get(name);
      if (found === undefined || !Array.isArray(found)) return found as Definition | undefined;
      return choose(found);
    }
    return choose(changed);
  }
}

function choose(definitions: readonly Definition[]): Definition | undefined {
  return definitions.find((each) => !isWeak(each)) ?? definitions[0];
}
