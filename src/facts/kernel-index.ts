import type { AddressUse, Outside } from "../flow/outside.ts";
import { type FactStore, isWeak, storeOf } from "./fact-store.ts";
import type { ObjectFacts } from "./object-facts.ts";
import { type OperationTables, readOperationTables } from "./operation-tables.ts";
import { Unit, type UnitOptions } from "./unit.ts";
import { Users } from "./users.ts";

/** Unit of the kernel proper; every other one is a module that sees what this one defines. */
export const VMLINUX = "vmlinux";

export interface UnitFacts {
  /** VMLINUX, or a module's name. */
  readonly unit: string;
  /** Path of an object -> its facts, in the order of the link (kbuild's lists). */
  readonly objects: ReadonlyMap<string, ObjectFacts>;
}

/** The same, however the facts are kept. */
export interface UnitStore {
  readonly unit: string;
  readonly store: FactStore;
}

interface Part {
  readonly unit: Unit;
  readonly users: Users;
}

/**
 * What is known of every symbol of a kernel, from the facts of its objects. A value: a change makes another index that shares what is the same.
 * Fixpoints are solved when they are first asked for.
 */
export class KernelIndex {
  readonly #parts: ReadonlyMap<string, Part>;
  readonly #tables = new Map<string, OperationTables>();

  private constructor(parts: ReadonlyMap<string, Part>) {
    this.#parts = parts;
  }

  /** Of facts that are at hand; linear in them. An object may be a member of several modules. */
  static build(units: Iterable<UnitFacts>, options: UnitOptions): KernelIndex {
    const stores = [...units].map(({ unit, objects }) => ({ unit, store: storeOf(objects) }));
    return KernelIndex.open(stores, options);
  }

  /** Of stores, whose facts are read when they are asked for. */
  static open(units: Iterable<UnitStore>, options: UnitOptions): KernelIndex {
    const all = [...units];
    const parts = new Map<string, Part>();
    const add = ({ unit, store }: UnitStore, below: Unit | undefined): Unit => {
      const made = Unit.of(unit, store, below, options);
      parts.set(unit, { unit: made, users: Users.of(store) });
      return made;
    };
    const kernel = all.find((each) => each.unit === VMLINUX);
    const below = kernel && add(kernel, undefined);
    for (const each of all) if (each.unit !== VMLINUX) add(each, below);
    return new KernelIndex(parts);
  }

  /** Units that an object is a member of, vmlinux first; none for an object that is not in the index. */
  unitsOf(object: string): readonly string[] {
    return [...this.#parts].filter(([, { unit }]) => unit.definitions.objects.has(object)).map(([name]) => name);
  }

  facts(object: string): ObjectFacts | undefined {
    for (const { unit } of this.#parts.values()) {
      const found = unit.definitions.objects.get(object);
      if (found !== undefined) return found.facts;
    }
    return undefined;
  }

  unit(name: string): Unit | undefined {
    return this.#parts.get(name)?.unit;
  }

  get unitNames(): readonly string[] {
    return [...this.#parts.keys()];
  }

  /**
   * The index with the facts of one object changed, added, or (undefined) taken away, in every unit that has it. An object that is in none is added to
   * `unit`.
   */
  replace(object: string, facts: ObjectFacts | undefined, unit = VMLINUX): KernelIndex {
    const members = this.unitsOf(object);
    const touched = new Set(members.length > 0 ? members : facts === undefined ? [] : [unit]);
    if (touched.size === 0) return this;
    const parts = new Map<string, Part>();
    const changed = (part: Part, below: Unit | undefined): Part => {
      if (!touched.has(part.unit.name)) return { ...part, unit: part.unit.with(part.unit.definitions, below) };
      const definitions = part.unit.definitions.with(object, facts);
      return { unit: part.unit.with(definitions, below), users: part.users.with(object, facts) };
    };
    const kernel = this.#parts.get(VMLINUX);
    const newKernel = kernel === undefined ? undefined : touched.has(VMLINUX) ? changed(kernel, undefined) : kernel;
    if (newKernel !== undefined) parts.set(VMLINUX, newKernel);
    for (const [name, part] of this.#parts) {
      if (name === VMLINUX) continue;
      const isSame = newKernel === kernel && !touched.has(name);
      parts.set(name, isSame ? part : changed(part, newKernel?.unit));
    }
    return new KernelIndex(parts);
  }

  /** Objects of a unit that use one of the symbols, or define one that gives way to another, in the order of the link. */
  users(unit: string, symbols: Iterable<string>): string[] {
    const part = this.#parts.get(unit);
    if (part === undefined) return [];
    const found = new Set<string>();
    for (const symbol of symbols) {
      for (const user of part.users.of(symbol)) found.add(user.object);
      for (const definition of part.unit.definitions.all(symbol)) if (isWeak(definition)) found.add(definition.object);
    }
    return [...part.unit.definitions.objects.keys()].filter((object) => found.has(object));
  }

  /** Where the objects of a unit take the address of a symbol that another object defines. */
  addressUses(unit: string, symbol: string): readonly AddressUse[] {
    return this.#parts.get(unit)?.users.addresses(symbol) ?? [];
  }

  /** What an object can be told of the others, where the index has all of them. `unit` is where an object is judged that the index does not have, or that several have. */
  outsideFor(object: string, unit = this.unitsOf(object)[0] ?? VMLINUX): Outside {
    const part = this.#parts.get(unit) ?? this.#parts.get(VMLINUX);
    const at = part?.unit;
    const tables = (): OperationTables => this.#operationTables(unit);
    return {
      isWhole: true,
      // Whether its own functions return the object knows best.
      neverReturns: (symbol) =>
        at?.definitions.find(symbol)?.object === object ? undefined : at?.neverReturns(symbol),
      isNoinstr(symbol) {
        // Of local functions only slotTargets() tells the names, which no symbol has.
        const local = symbol.includes(":") ? tables().localSection(symbol) : undefined;
        return local === undefined ? at?.isNoinstr(symbol) : at?.isNoinstrSection(local);
      },
      landing: (symbol, offset) => at?.landing(symbol, offset),
      untraining: (symbol) => at?.untraining(symbol),
      isFunction: (symbol) => at?.isFunction(symbol),
      slotTargets: (table, slot) => tables().targets(table, slot),
      clobbers: (symbol) => at?.clobbers(symbol),
      isOverridden(symbol) {
        const taken = at?.definitions.find(symbol);
        return taken === undefined ? undefined : taken.object !== object;
      },
      isWeak: (symbol) => at?.isWeak(symbol),
      addressUses: (symbol) =>
        part?.users.addresses(symbol).filter((use) => use.object !== object && !isGone(part.unit, use)),
    };
  }

  #operationTables(unit: string): OperationTables {
    // Modules call through the tables of vmlinux.
    const name = this.#parts.has(VMLINUX) ? VMLINUX : unit;
    let found = this.#tables.get(name);
    if (found === undefined) {
      found = readOperationTables(this.#parts.get(name)?.unit.definitions.withTables() ?? new Map());
      this.#tables.set(name, found);
    }
    return found;
  }
}

/** Whether the code that takes an address never runs: a weak function that gives way to another object's. */
function isGone({ definitions }: Unit, { isCode, holder, object }: AddressUse): boolean {
  if (!isCode) return false;
  const taken = definitions.find(holder);
  return (
    taken !== undefined && taken.object !== object && definitions.all(holder).some((each) => each.object === object)
  );
}
