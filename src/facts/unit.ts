import type { KernelFormats } from "../flow/formats.ts";
import type { Landing, Untraining } from "../flow/outside.ts";
import { isNoinstrSection, isNoinstrSectionOf } from "../flow/text-classes.ts";
import { hasBit } from "./bit-text.ts";
import { type Definition, Definitions, isWeak } from "./definitions.ts";
import {
  END_INDIRECT_BRANCH,
  END_RETURN,
  END_UNKNOWN,
  END_UNTRAINING,
  type FunctionNode,
  LOST_UNKNOWN,
  type ObjectFacts,
  SYMBOL_BOUND,
  SYMBOL_DATA,
  SYMBOL_FUNCTION,
  type WalkNode,
} from "./object-facts.ts";
import { BitGraph } from "./solve.ts";

export interface UnitOptions {
  /** The tree's list of functions that never return names it. */
  readonly isListedNoreturn: (symbol: string) => boolean;
  /** Whether nothing may be instrumented in a section of this name; by the names of this version's sections where that is not given. */
  readonly isNoinstrSection?: (section: string) => boolean;
}

/** What a tree says of the units that are built from it: its list, and which of its sections must not be instrumented. */
export function unitOptions(tree: {
  readonly noreturn: ReadonlySet<string>;
  readonly formats?: KernelFormats;
}): UnitOptions {
  return {
    isListedNoreturn: (symbol) => tree.noreturn.has(symbol),
    isNoinstrSection: (section) => isNoinstrSectionOf(tree.formats, section),
  };
}

// Bits of the graph of returns.
const RETURNS = 1;
const NOT_KNOWN = 2;

/** Objects that are linked together: vmlinux, or one module, which sees what vmlinux defines behind what is its own. */
export class Unit {
  readonly name: string;
  readonly definitions: Definitions;
  readonly below: Unit | undefined;
  readonly #options: UnitOptions;
  #returns: ReadonlyMap<string, number> | undefined;
  #walks: ReadonlyMap<string, number> | undefined;

  constructor(name: string, definitions: Definitions, below: Unit | undefined, options: UnitOptions) {
    this.name = name;
    this.definitions = definitions;
    this.below = below;
    this.#options = options;
  }

  static of(name: string, objects: ReadonlyMap<string, ObjectFacts>, below: Unit | undefined, options: UnitOptions) {
    return new Unit(name, Definitions.of(objects), below, options);
  }

  /** The same with other definitions, or over another unit. */
  with(definitions: Definitions, below: Unit | undefined): Unit {
    return new Unit(this.name, definitions, below, this.#options);
  }

  find(symbol: string): Definition | undefined {
    return this.definitions.find(symbol) ?? this.below?.find(symbol);
  }

  neverReturns(symbol: string): boolean | undefined {
    if (this.#options.isListedNoreturn(symbol)) return true;
    const definition = this.definitions.find(symbol);
    if (definition === undefined) return this.below?.neverReturns(symbol);
    const bits = this.#returnBits().get(symbol) ?? RETURNS;
    return (bits & RETURNS) !== 0 ? false : (bits & NOT_KNOWN) !== 0 ? undefined : true;
  }

  untraining(symbol: string): Untraining | undefined {
    const definition = this.definitions.find(symbol);
    if (definition === undefined) return this.below?.untraining(symbol);
    if ((flagsOf(definition) & SYMBOL_DATA) !== 0) return undefined;
    const ends = this.#walkBits().get(symbol) ?? END_RETURN;
    if ((ends & END_RETURN) !== 0) return "returns-first";
    if ((ends & END_UNKNOWN) !== 0) return undefined;
    if ((ends & END_INDIRECT_BRANCH) !== 0) return "branches-first";
    return (ends & END_UNTRAINING) !== 0 ? "untrains" : "neither";
  }

  /** Bit set (1 << register) of the callee-saved registers that calls of it lose. */
  clobbers(symbol: string): number | undefined {
    const definition = this.find(symbol);
    if (definition === undefined || (flagsOf(definition) & SYMBOL_FUNCTION) === 0) return undefined;
    const { facts, row } = definition;
    const mask = facts.lost.find(([each]) => each === row)?.[1] ?? 0;
    return mask === LOST_UNKNOWN ? undefined : mask;
  }

  isFunction(symbol: string): boolean | undefined {
    const definition = this.find(symbol);
    return definition === undefined ? undefined : (flagsOf(definition) & SYMBOL_FUNCTION) !== 0;
  }

  isNoinstr(symbol: string): boolean | undefined {
    const definition = this.find(symbol);
    if (definition === undefined) return undefined;
    return this.isNoinstrSection(sectionOf(definition)?.name ?? "");
  }

  isNoinstrSection(name: string): boolean {
    return (this.#options.isNoinstrSection ?? isNoinstrSection)(name);
  }

  landing(symbol: string, offset: number): Landing | undefined {
    const definition = this.find(symbol);
    return definition === undefined ? undefined : landingOf(definition, offset);
  }

  #returnBits(): ReadonlyMap<string, number> {
    this.#returns ??= this.#solve(
      (facts) => facts.returns,
      // A weak definition may be replaced by something that is not known here, and is taken to return like one.
      (definition) => !isWeak(definition),
      (symbol) => {
        const never = this.neverReturnsOutside(symbol);
        return never === undefined ? NOT_KNOWN : never ? 0 : RETURNS;
      },
    );
    return this.#returns;
  }

  /** What calls of it do, where no function of this unit that depends on others is it. */
  neverReturnsOutside(symbol: string): boolean | undefined {
    if (this.#options.isListedNoreturn(symbol)) return true;
    return this.definitions.find(symbol) === undefined ? this.below?.neverReturns(symbol) : false;
  }

  #walkBits(): ReadonlyMap<string, number> {
    this.#walks ??= this.#solve(
      (facts) => facts.walks,
      () => true,
      (symbol) => {
        const definition = this.definitions.find(symbol);
        if (definition !== undefined) return (flagsOf(definition) & SYMBOL_DATA) !== 0 ? END_UNKNOWN : END_RETURN;
        return endsOf(this.below?.untraining(symbol));
      },
    );
    return this.#walks;
  }

  /** Bits of the symbols that a node stands for; of any other one they are not in the map. */
  #solve(
    nodesOf: (facts: ObjectFacts) => readonly (FunctionNode | WalkNode)[],
    counts: (definition: Definition) => boolean,
    otherBits: (symbol: string) => number,
  ): ReadonlyMap<string, number> {
    const graph = new BitGraph();
    const nodeOf = new Map<string, number>();
    const bases: { facts: ObjectFacts; base: number }[] = [];
    for (const { facts } of this.definitions.objects.values()) {
      const nodes = nodesOf(facts);
      if (nodes.length === 0) continue;
      bases.push({ facts, base: -1 });
      for (const [i, node] of nodes.entries()) {
        const number = graph.add(node[3] ?? 0);
        if (i === 0) bases[bases.length - 1] = { facts, base: number };
        for (const row of node[0]) {
          const symbol = facts.names[facts.symbols.name[row] as number] as string;
          const definition = this.definitions.find(symbol);
          if (definition?.facts === facts && definition.row === row && counts(definition)) nodeOf.set(symbol, number);
        }
      }
    }
    for (const { facts, base } of bases) {
      for (const [i, node] of nodesOf(facts).entries()) {
        for (const inside of node[2]) graph.edge(base + i, base + inside);
        for (const name of node[1]) {
          const symbol = facts.names[name] as string;
          const to = this.#options.isListedNoreturn(symbol) && node[3] === undefined ? undefined : nodeOf.get(symbol);
          if (to === undefined) graph.raise(base + i, otherBits(symbol));
          else graph.edge(base + i, to);
        }
      }
    }
    const bits = graph.solve();
    return new Map([...nodeOf].map(([symbol, node]) => [symbol, bits[node] as number]));
  }
}

export function flagsOf({ facts, row }: Pick<Definition, "facts" | "row">): number {
  return facts.symbols.flags[row] as number;
}

export function sectionOf({ facts, row }: Pick<Definition, "facts" | "row">) {
  return facts.sections[facts.symbols.section[row] as number];
}

/** What is found `offset` bytes behind a symbol, as the object that defines it says. */
export function landingOf(definition: Pick<Definition, "facts" | "row">, offset: number): Landing | undefined {
  const section = sectionOf(definition);
  if (section === undefined || !section.isCode) return "data";
  const at = (definition.facts.symbols.value[definition.row] as number) + offset;
  if (at < 0 || at >= section.size) return undefined;
  if (!hasBit(section.starts, at)) return "data";
  if (includes(section.pads, at)) return "pad";
  if (includes(section.exempt, at)) return "exempt";
  const isBound = offset === 0 ? (flagsOf(definition) & SYMBOL_BOUND) !== 0 : includes(section.bounds, at);
  return isBound ? "bound" : "none";
}

function endsOf(answer: Untraining | undefined): number {
  switch (answer) {
    case undefined:
      return END_UNKNOWN;
    case "returns-first":
      return END_RETURN;
    case "branches-first":
      return END_INDIRECT_BRANCH;
    case "untrains":
      return END_UNTRAINING;
    case "neither":
      return 0;
  }
}

function includes(ascending: readonly number[], value: number): boolean {
  return ascending[firstNotBelow(ascending, value)] === value;
}

function firstNotBelow(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
