import type { AddressUse } from "../flow/outside.ts";
import { type FactStore, type User, usedBy } from "./fact-store.ts";
import { type ObjectFacts, USE_ADDRESS } from "./object-facts.ts";

/** Which objects use a symbol of another one, over a store and what differs from it. */
export class Users {
  readonly #store: FactStore;
  /** Objects whose facts differ from those in the store; undefined: no longer there. */
  readonly #changed: ReadonlyMap<string, ObjectFacts | undefined>;

  private constructor(store: FactStore, changed: ReadonlyMap<string, ObjectFacts | undefined>) {
    this.#store = store;
    this.#changed = changed;
  }

  static of(store: FactStore): Users {
    return new Users(store, new Map());
  }

  with(object: string, facts: ObjectFacts | undefined): Users {
    return new Users(this.#store, new Map(this.#changed).set(object, facts));
  }

  of(symbol: string): readonly User[] {
    const found = this.#store.users(symbol);
    if (this.#changed.size === 0) return found;
    const users = found.filter(({ object }) => !this.#changed.has(object));
    for (const [object, facts] of this.#changed) {
      if (facts === undefined) continue;
      for (const [name, user] of usedBy(object, facts)) if (name === symbol) users.push(user);
    }
    return users;
  }

  /** Every place that holds the address of a symbol, as far as the facts tell them apart. */
  addresses(symbol: string): AddressUse[] {
    const holders = this.of(symbol).filter(({ how }) => (how & USE_ADDRESS) !== 0);
    return holders.flatMap(({ object, facts }) => {
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
