import { type KernelIndex, VMLINUX } from "../facts/kernel-index.ts";
import type { ObjectFacts } from "../facts/object-facts.ts";
import { landingOf, type Unit } from "../facts/unit.ts";

// When a patch changes what an object tells others, those that use it are validated again, although their bytes did not change. Answers that
// depend on other functions' answers are solved over the whole kernel on both sides, so that what is compared here is transitive by itself.

export interface FactUser {
  readonly object: string;
  readonly unit: string;
  /** "uses foo, whose returning changed" */
  readonly reason: string;
}

/**
 * Objects that use a symbol whose facts differ between the two kernels, those whose verdicts hang most on it first.
 * @param changed objects that are not the same in both
 * @param listed functions that only one side's list of those that never return names
 */
export function findFactUsers(
  before: KernelIndex,
  after: KernelIndex,
  changed: Iterable<string>,
  listed: Iterable<string> = [],
): FactUser[] {
  const objects = [...changed];
  const found = new Map<string, FactUser>();
  const units = [...new Set([...before.unitNames, ...after.unitNames])];
  for (const [symbol, fact, unit] of changedSymbols(before, after, objects, units, [...listed])) {
    // What vmlinux defines is seen by every module.
    for (const user of unit === VMLINUX ? units : [unit]) {
      for (const object of after.users(user, [symbol]))
        if (!found.has(object))
          found.set(object, { object, unit: user, reason: `uses ${symbol}, whose ${fact} changed` });
    }
  }
  for (const object of objects) {
    const names = difference(takenAddresses(before.facts(object)), takenAddresses(after.facts(object)));
    for (const key of names) {
      const symbol = key.slice(0, key.indexOf(" "));
      for (const unit of after.unitsOf(object)) {
        const definer = after.unit(unit)?.find(symbol)?.object;
        if (definer === undefined || found.has(definer)) continue;
        const home = after.unitsOf(definer)[0] ?? VMLINUX;
        found.set(definer, { object: definer, unit: home, reason: `defines ${symbol}, whose uses changed` });
      }
    }
    for (const table of difference(tables(before.facts(object)), tables(after.facts(object)))) {
      const symbol = table.slice(0, table.indexOf(" "));
      for (const unit of units) {
        for (const user of after.users(unit, [symbol]))
          if (!found.has(user))
            found.set(user, { object: user, unit, reason: `uses ${symbol}, whose targets changed` });
      }
    }
  }
  return [...found.values()];
}

type FactName = "returning" | "definition" | "section" | "untraining" | "type" | "landing pad";

function* changedSymbols(
  before: KernelIndex,
  after: KernelIndex,
  objects: readonly string[],
  units: readonly string[],
  listed: readonly string[],
): Generator<[symbol: string, fact: FactName, unit: string]> {
  const known = new Map<string, readonly number[]>();
  /** Byte offsets behind a symbol at which others hold an address: those that landing pads are asked for. */
  const addends = (symbol: string): readonly number[] => {
    let found = known.get(symbol);
    if (found === undefined) {
      const all = new Set([0]);
      for (const unit of units) for (const use of after.addressUses(unit, symbol)) all.add(use.addend);
      found = [...all].sort((a, b) => a - b);
      known.set(symbol, found);
    }
    return found;
  };
  // Solving both sides is for patches that change an answer; most change code and no answer.
  const isSame = (object: string): boolean =>
    answers(before.facts(object), addends) === answers(after.facts(object), addends);
  if (listed.length === 0 && objects.every(isSame)) return;
  const all: [string, FactName, string][] = [];
  for (const name of units) {
    const [left, right] = [before.unit(name), after.unit(name)];
    if (left === undefined || right === undefined || left === right) continue;
    const own = new Set<string>(listed);
    for (const object of objects) {
      for (const unit of [left, right]) {
        const facts = unit.definitions.objects.get(object)?.facts;
        if (facts !== undefined) for (const row of facts.symbols.name) own.add(facts.names[row] as string);
      }
    }
    for (const symbol of new Set([...own, ...dependingOnOthers(left), ...dependingOnOthers(right)])) {
      const fact = firstDifference(left, right, symbol, own.has(symbol) ? addends(symbol) : undefined);
      if (fact !== undefined) all.push([symbol, fact, name]);
    }
  }
  const order: readonly FactName[] = ["returning", "definition", "section", "untraining", "type", "landing pad"];
  for (const fact of order) for (const item of all) if (item[1] === fact) yield item;
}

/** @param addends byte offsets that its landing pads are compared at; undefined for a symbol that no changed object defines */
function firstDifference(
  left: Unit,
  right: Unit,
  symbol: string,
  addends: readonly number[] | undefined,
): FactName | undefined {
  const [before, after] = [left.find(symbol), right.find(symbol)];
  // What is new here nobody used, and what is gone nobody can use: the link would tell.
  if (before === undefined || after === undefined) return undefined;
  if (left.neverReturns(symbol) !== right.neverReturns(symbol)) return "returning";
  // Any call that comes back no more changes what is met first in its callers; of those only what untrains is waited for.
  const [trains, untrains] = [left.untraining(symbol), right.untraining(symbol)];
  if (trains !== untrains && (addends !== undefined || trains === "untrains" || untrains === "untrains"))
    return "untraining";
  if (addends === undefined) return undefined;
  if (before.object !== after.object && left.definitions.all(symbol).length + right.definitions.all(symbol).length > 2)
    return "definition";
  if (left.isNoinstr(symbol) !== right.isNoinstr(symbol)) return "section";
  if (left.isFunction(symbol) !== right.isFunction(symbol)) return "type";
  const isSame = (addend: number): boolean => left.landing(symbol, addend) === right.landing(symbol, addend);
  return addends.every(isSame) ? undefined : "landing pad";
}

/** All that the answers for an object's symbols come from, without the places in its code. */
function answers(facts: ObjectFacts | undefined, addends: (symbol: string) => readonly number[]): string {
  if (facts === undefined) return "";
  const { names, symbols, sections } = facts;
  const nameOf = (row: number): string => names[symbols.name[row] as number] as string;
  const all = symbols.name.map((_, row) => {
    const section = sections[symbols.section[row] as number];
    const landing = addends(nameOf(row)).map((addend) => landingOf({ facts, row }, addend));
    return [nameOf(row), symbols.flags[row], section?.name, landing];
  });
  const nodes = (list: ObjectFacts["returns"] | ObjectFacts["walks"]) =>
    list.map(([rows, to, inside, ...ends]) => [rows.map(nameOf), to.map((row) => names[row]), inside, ends]);
  return JSON.stringify([all, nodes(facts.returns), nodes(facts.walks)]);
}

/** Symbols whose answers depend on those of other functions. */
function dependingOnOthers(unit: Unit): Set<string> {
  const symbols = new Set<string>();
  for (const facts of unit.definitions.withNodes()) {
    for (const nodes of [facts.returns, facts.walks]) {
      for (const [rows] of nodes)
        for (const row of rows) symbols.add(facts.names[facts.symbols.name[row] as number] as string);
    }
  }
  return symbols;
}

function takenAddresses(facts: ObjectFacts | undefined): Set<string> {
  const taken = new Set<string>();
  if (facts === undefined) return taken;
  const { addresses, names } = facts;
  for (let i = 0; i < addresses.name.length; i++)
    taken.add(`${names[addresses.name[i] as number]} ${addresses.addend[i]} ${names[addresses.holder[i] as number]}`);
  return taken;
}

function tables(facts: ObjectFacts | undefined): Set<string> {
  return new Set((facts?.tables ?? []).filter((t) => t.isVisible).map((t) => `${t.name} ${JSON.stringify(t.entries)}`));
}

function difference(left: ReadonlySet<string>, right: ReadonlySet<string>): string[] {
  return [...[...left].filter((item) => !right.has(item)), ...[...right].filter((item) => !left.has(item))];
}
