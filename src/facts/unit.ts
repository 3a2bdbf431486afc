import type { KernelFormats } from "../flow/formats.ts";
import type { Landing, Untraining } from "../flow/outside.ts";
import { isNoinstrSection, isNoinstrSectionOf } from "../flow/text-classes.ts";
import { hasBit } from "./bit-text.ts";
import { Definitions } from "./definitions.ts";
import {
  DEFINES_LOST,
  DEFINES_RETURNS_NODE,
  DEFINES_WALKS_NODE,
  type Definition,
  type FactStore,
  isWeak,
} from "./fact-store.ts";
import { NodeAnswers } from "./node-answers.ts";
import {
  END_INDIRECT_BRANCH,
  END_RETURN,
  END_UNKNOWN,
  END_UNTRAINING,
  LOST_UNKNOWN,
  SYMBOL_BOUND,
  SYMBOL_DATA,
  SYMBOL_FUNCTION,
} from "./object-facts.ts";

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
  readonly #returns: NodeAnswers;
  readonly #walks: NodeAnswers;

  constructor(name: string, definitions: Definitions, below: Unit | undefined, options: UnitOptions) {
    this.name = name;
    this.definitions = definitions;
    this.below = below;
    this.#options = options;
    this.#returns = new NodeAnswers({
      nodesOf: (facts) => facts.returns,
      nodeDefinition: (symbol) => {
        if (options.isListedNoreturn(symbol)) return undefined;
        const definition = definitions.find(symbol);
        return definition !== undefined && isReturnsNode(definition) ? definition : undefined;
      },
      otherBits: (symbol) => {
        const never = this.neverReturnsOutside(symbol);
        return never === undefined ? NOT_KNOWN : never ? 0 : RETURNS;
      },
    });
    this.#walks = new NodeAnswers({
      nodesOf: (facts) => facts.walks,
      nodeDefinition: (symbol) => {
        const definition = definitions.find(symbol);
        return definition !== undefined && isWalksNode(definition) ? definition : undefined;
      },
      otherBits: (symbol) => {
        const definition = definitions.find(symbol);
        if (definition !== undefined) return (definition.flags & SYMBOL_DATA) !== 0 ? END_UNKNOWN : END_RETURN;
        return endsOf(below?.untraining(symbol));
      },
    });
  }

  static of(name: string, store: FactStore, below: Unit | undefined, options: UnitOptions) {
    return new Unit(name, Definitions.of(store), below, options);
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
    const bits = isReturnsNode(definition) ? this.#returns.bitsOf(definition) : RETURNS;
    return (bits & RETURNS) !== 0 ? false : (bits & NOT_KNOWN) !== 0 ? undefined : true;
  }

  untraining(symbol: string): Untraining | undefined {
    const definition = this.definitions.find(symbol);
    if (definition === undefined) return this.below?.untraining(symbol);
    if ((definition.flags & SYMBOL_DATA) !== 0) return undefined;
    const ends = isWalksNode(definition) ? this.#walks.bitsOf(definition) : END_RETURN;
    if ((ends & END_RETURN) !== 0) return "returns-first";
    if ((ends & END_UNKNOWN) !== 0) return undefined;
    if ((ends & END_INDIRECT_BRANCH) !== 0) return "branches-first";
    return (ends & END_UNTRAINING) !== 0 ? "untrains" : "neither";
  }

  /** Bit set (1 << register) of the callee-saved registers that calls of it lose. */
  clobbers(symbol: string): number | undefined {
    const definition = this.find(symbol);
    if (definition === undefined || (definition.flags & SYMBOL_FUNCTION) === 0) return undefined;
    if ((definition.flags & DEFINES_LOST) === 0) return 0;
    const { facts, row } = definition;
    const mask = facts.lost.find(([each]) => each === row)?.[1] ?? 0;
    return mask === LOST_UNKNOWN ? undefined : mask;
  }

  isFunction(symbol: string): boolean | undefined {
    const definition = this.find(symbol);
    return definition === undefined ? undefined : (definition.flags & SYMBOL_FUNCTION) !== 0;
  }

  isWeak(symbol: string): boolean | undefined {
    const definition = this.find(symbol);
    return definition === undefined ? undefined : isWeak(definition);
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

  /** What calls of it do, where no function of this unit that depends on others is it. */
  neverReturnsOutside(symbol: string): boolean | undefined {
    if (this.#options.isListedNoreturn(symbol)) return true;
    return this.definitions.find(symbol) === undefined ? this.below?.neverReturns(symbol) : false;
  }
}

function isReturnsNode(definition: Definition): boolean {
  // A weak definition may be replaced by something that is not known here, and is taken to return like one.
  return (definition.flags & DEFINES_RETURNS_NODE) !== 0 && !isWeak(definition);
}

function isWalksNode(definition: Definition): boolean {
  return (definition.flags & DEFINES_WALKS_NODE) !== 0;
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
