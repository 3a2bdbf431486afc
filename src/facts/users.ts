import type { AddressUse } from "../flow/outside.ts";
import type { ObjectFacts } from "./object-facts.ts";

export interface User {
  readonly object: string;
  readonly facts: ObjectFacts;
}

type Objects = ReadonlyMap<string, { readonly facts: ObjectFacts }>;

/** Which objects use a symbol of another one. The store is made when it is first asked for, and shared by what is derived from it. */
export class Users {
  readonly #all: () => ReadonlyMap<string, readonly User[]>;
  /** Objects whose facts differ from those in the store; undefined: no longer there. */
  readonly #changed: ReadonlyMap<string, ObjectFacts | undefined>;

  private constructor(
    all: () => ReadonlyMap<string, readonly User[]>,
    changed: ReadonlyMap<string, ObjectFacts | undefined>,
  ) {
    this.#all = all;
    this.#changed = changed;
  }

  static of(objects: Objects): Users {
    let made: ReadonlyMap<string, readonly User[]> | undefined;
    return new Users(() => {
      made ??= collect(objects);
      return made;
    }, new Map());
  }

  with(object: string, facts: ObjectFacts | undefined): Users {
    return new Users(this.#all, new Map(this.#changed).set(object, facts));
  }

  of(symbol: string): readonly User[] {
    const found = this.#all().get(symbol) ?? [];
    if (this.#changed.size === 0) return found;
    const users = found.filter(({ object }) => !this.#changed.has(object));
    for (const [object, facts] of this.#changed) {
      if (facts?.uses.name.some((row) => facts.names[row] === symbol) === true) users.push({ object, facts });
    }
    return users;
  }

  /** Every place that holds the address of a symbol, as far as the facts tell them apart. */
  addresses(symbol: string): AddressUse[] {
    return this.of(symbol).flatMap(({ object, facts }) => {
      const { addresses, names } = facts;
      const found: AddressUse[] = [];
      for (let i = 0; i < addresses.name.length; i++) {
        if (names[addresses.name[i] as number] !== symbol) continue;
        found.push({
          object,
          section: names[addresses.section[i] as number] as string,
          offset: addresses.offset[i] as number,
          holder: names[addresses.holder[i] as number] as string,
          addend: addresses.addend[i] as number,
          isCode: addresses.isCode[i] === 1,
        });
      }
      return found;
    });
  }
}

function collect(objects: Objects): ReadonlyMap<string, readonly User[]> {
  const found = new Map<string, User[]>();
  for (const [object, { facts }] of objects) {
    const user = { object, facts };
    for (const row of facts.uses.name) {
      const symbol = facts.names[row] as string;
      const list = found.get(symbol);
      if (list === undefined) found.set(symbol, [user]);
      else list.push(user);
    }
  }
  return found;
}
