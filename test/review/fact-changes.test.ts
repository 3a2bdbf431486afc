import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import type { KernelIndex } from "../../src/facts/kernel-index.ts";
import type { ObjectFacts } from "../../src/facts/object-facts.ts";
import { summarize } from "../../src/facts/summarize.ts";
import { findFactUsers } from "../../src/review/fact-changes.ts";
import { assembleText } from "../support/analyzed.ts";
import { storedIndex } from "../support/stored-index.ts";

function factsOf(source: string): ObjectFacts {
  return summarize(bytesSource(assembleText(source)));
}

type Sources = Readonly<Record<string, string>>;

function kernelOf(units: Readonly<Record<string, Sources>>, listed: readonly string[] = []): KernelIndex {
  const facts = Object.entries(units).map(([unit, sources]) => ({
    unit,
    objects: new Map(Object.entries(sources).map(([object, source]) => [object, factsOf(source)])),
  }));
  return storedIndex(facts, { isListedNoreturn: (symbol) => listed.includes(symbol) });
}

/** Who is to be looked at again when `object` of the kernel becomes `source`. */
function usersOf(units: Readonly<Record<string, Sources>>, object: string, source: string): string[] {
  const before = kernelOf(units);
  const after = before.replace(object, factsOf(source));
  return findFactUsers(before, after, [object]).map((user) => `${user.unit}: ${user.object} ${user.reason}`);
}

const returning = (name: string): string => `FUNC ${name}\n\tret\nEND ${name}\n`;
const dead = (name: string): string => `FUNC ${name}\n\tud2\nEND ${name}\n`;
const leaving = (name: string, to: string): string => `FUNC ${name}\n\tjmp ${to}\nEND ${name}\n`;
const calling = (name: string, to: string): string => `FUNC ${name}\n\tcall ${to}\n\tret\nEND ${name}\n`;

test("a function that returns no more concerns those that call it, also through others", () => {
  const units = {
    vmlinux: {
      "callee.o": returning("callee"),
      "between.o": leaving("between", "callee"),
      "caller.o": calling("caller", "between"),
      "other.o": calling("other", "caller"),
    },
    "net/mod": { "net/mod.o": calling("init", "callee") },
    "net/else": { "net/else.o": calling("init", "other") },
  };
  assert.deepEqual(usersOf(units, "callee.o", dead("callee")).sort(), [
    "net/mod: net/mod.o uses callee, whose returning changed",
    "vmlinux: between.o uses callee, whose returning changed",
    "vmlinux: caller.o uses between, whose returning changed",
  ]);
});

test("code that changes and says the same to others concerns nobody", () => {
  const units = { vmlinux: { "a.o": returning("a"), "b.o": calling("b", "a") } };
  assert.deepEqual(usersOf(units, "a.o", "FUNC a\n\tnop\n\tnop\n\tret\nEND a\n"), []);
  assert.deepEqual(usersOf(units, "a.o", returning("a") + returning("new")), []);
});

test("the tree's list may change alone", () => {
  const units = { vmlinux: { "a.o": returning("a"), "b.o": calling("b", "a") } };
  const [before, after] = [kernelOf(units), kernelOf(units, ["a"])];
  assert.deepEqual(findFactUsers(before, after, [], []), []);
  assert.deepEqual(
    findFactUsers(before, after, [], ["a"]).map(({ reason }) => reason),
    ["uses a, whose returning changed"],
  );
});

test("the section, the landing pad and the definition that counts", () => {
  const units = {
    vmlinux: { "a.o": returning("a"), "b.o": calling("b", "a"), "weak.o": `.weak w\n${returning("w")}` },
  };
  assert.deepEqual(usersOf(units, "a.o", `.section .noinstr.text, "ax"\n${returning("a")}`), [
    "vmlinux: b.o uses a, whose section changed",
  ]);
  assert.deepEqual(usersOf(units, "a.o", "FUNC a\n\tendbr64\n\tret\nEND a\n"), [
    "vmlinux: b.o uses a, whose landing pad changed",
  ]);
  // A strong definition comes: the weak one's body is judged no more.
  assert.deepEqual(usersOf(units, "a.o", returning("a") + returning("w")), [
    "vmlinux: weak.o uses w, whose definition changed",
  ]);
});

test("an address that is taken now concerns the object that defines it", () => {
  const units = { vmlinux: { "a.o": returning("a"), "b.o": returning("b") } };
  assert.deepEqual(usersOf(units, "b.o", `${returning("b")}.data\ntable: .quad a\n`), [
    "vmlinux: a.o defines a, whose uses changed",
  ]);
});

test("a landing pad behind a symbol counts where others hold an address there", () => {
  const inner = (pad: string): string => `FUNC a\n\tendbr64\n\tnop\n\tnop\n${pad}\tret\nEND a\n`;
  const padded = inner("\tendbr64\n");
  // endbr64 is four bytes long; the two no-ops in front of the inner one make it six.
  const holds = (offset: number): string => `.data\ntable: .quad a + ${offset}\n`;
  const units = { vmlinux: { "a.o": padded, "b.o": holds(6), "start.o": holds(0), "call.o": calling("c", "a") } };
  // All that use a symbol are looked at again, whichever place of it they hold.
  const all = ["b.o", "start.o", "call.o"].map((object) => `vmlinux: ${object} uses a, whose landing pad changed`);
  assert.deepEqual(usersOf(units, "a.o", inner("\txchgw %ax, %ax\n\txchgw %ax, %ax\n")), all);
  // Nobody holds that place here.
  const others = { vmlinux: { "a.o": padded, "start.o": holds(0), "call.o": calling("c", "a") } };
  assert.deepEqual(usersOf(others, "a.o", inner("\txchgw %ax, %ax\n\txchgw %ax, %ax\n")), []);
  // A pad that only moves is another one's.
  assert.deepEqual(usersOf(units, "a.o", inner("\tnop\n\tendbr64\n")), all);
});
