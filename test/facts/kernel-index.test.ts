import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { decodeFacts, encodeFacts } from "../../src/facts/encode.ts";
import { type KernelIndex, VMLINUX } from "../../src/facts/kernel-index.ts";
import type { ObjectFacts } from "../../src/facts/object-facts.ts";
import { summarize, summarizeOptions } from "../../src/facts/summarize.ts";
import { unitOptions } from "../../src/facts/unit.ts";
import { ALTERNATIVES_12, type KernelFormats } from "../../src/flow/formats.ts";
import { MARK_NOENDBR } from "../../src/flow/marks.ts";
import type { Outside } from "../../src/flow/outside.ts";
import { assembleText } from "../support/analyzed.ts";
import { treeFormats } from "../support/formats.ts";
import { storedIndex } from "../support/stored-index.ts";

function factsOf(source: string): ObjectFacts {
  const facts = summarize(bytesSource(assembleText(source)));
  const read = decodeFacts(encodeFacts(facts));
  assert.deepEqual(read, facts, "what is stored is read back the same");
  return read;
}

type Sources = Readonly<Record<string, string>>;

function buildIndex(units: Readonly<Record<string, Sources>>, listed: readonly string[] = []): KernelIndex {
  const facts = Object.entries(units).map(([unit, sources]) => ({
    unit,
    objects: new Map(Object.entries(sources).map(([path, source]) => [path, factsOf(source)])),
  }));
  return storedIndex(facts, { isListedNoreturn: (symbol) => listed.includes(symbol) });
}

/** What an object that is not in the index is told. */
function outsideOf(sources: Sources, listed: readonly string[] = []): Outside {
  return buildIndex({ vmlinux: sources }, listed).outsideFor("new.o");
}

const returning = (name: string): string => `FUNC ${name}\n\tret\nEND ${name}\n`;
const leaving = (name: string, to: string): string => `FUNC ${name}\n\tjmp ${to}\nEND ${name}\n`;
const dead = (name: string): string => `FUNC ${name}\n\tud2\nEND ${name}\n`;
const weak = (name: string, body: string): string => `.weak ${name}\n${body}`;

test("never returning goes through tail calls of other objects, in circles too", () => {
  const outside = outsideOf({
    "a.o": leaving("a", "b") + leaving("circle_1", "circle_2"),
    "b.o": leaving("b", "c") + leaving("circle_2", "circle_1"),
    "c.o": dead("c") + returning("d") + leaving("e", "d") + leaving("f", "somewhere"),
  });
  for (const name of ["a", "b", "c", "circle_1", "circle_2"]) assert.equal(outside.neverReturns(name), true, name);
  for (const name of ["d", "e"]) assert.equal(outside.neverReturns(name), false, name);
  assert.equal(outside.neverReturns("f"), undefined, "what it leaves to is not known");
  assert.equal(outside.neverReturns("nowhere"), undefined);
});

test("the tree's list is asked before a body", () => {
  const outside = outsideOf({ "a.o": leaving("a", "listed"), "b.o": returning("listed") }, ["listed"]);
  assert.equal(outside.neverReturns("listed"), true);
  assert.equal(outside.neverReturns("a"), true);
});

test("a strong definition takes the place of a weak one, whatever their order", () => {
  for (const order of [
    ["a.o", "b.o"],
    ["b.o", "a.o"],
  ]) {
    const sources: Sources = { "a.o": weak("f", returning("f")), "b.o": dead("f") };
    const index = buildIndex({ vmlinux: Object.fromEntries(order.map((path) => [path, sources[path]!])) });
    assert.equal(index.outsideFor("a.o").isOverridden("f"), true);
    assert.equal(index.outsideFor("b.o").isOverridden("f"), false);
    assert.deepEqual(
      [index.outsideFor("c.o").isWeak!("f"), index.outsideFor("c.o").isWeak!("nobody")],
      [false, undefined],
    );
    assert.equal(index.outsideFor("c.o").neverReturns("f"), true);
  }
  assert.equal(outsideOf({ "a.o": weak("f", dead("f")) }).neverReturns("f"), false, "another one may still come");
});

test("hostile facts are one clear error", () => {
  const good = encodeFacts(factsOf(leaving("a", "b")));
  const parsed = JSON.parse(good) as unknown[];
  const bad: string[] = ["", "{", "null", "[]", "[1]", "[99,62,[],[],[],[],[],[],[],[]]"];
  for (let field = 1; field < parsed.length; field++) {
    for (const value of [null, -1, "x", [[]], [[-1]], [[[-1]]], [["a", 1, 2, 3]], [[9], [9], [9], [9], [9], [9]]])
      bad.push(JSON.stringify(parsed.with(field, value)));
  }
  for (const text of bad) {
    if (text === good) continue;
    assert.throws(
      () => decodeFacts(text),
      (error) => error instanceof FormatError,
      text,
    );
  }
});

test("a tree's formats count: its annotations in an object's facts, its sections in the index", () => {
  const source = bytesSource(
    assembleText(`
.section .cpuidle.text, "ax"
FUNC idle
	ret
END idle
.text
FUNC plain
	ret
END plain
.section .discard.annotate_insn, "M", @progbits, 8
	.long	plain - ., 7
.previous
`),
  );
  const renumbered = treeFormats({ annotations: new Map([[7, MARK_NOENDBR]]) });
  const build = (tree: { noreturn: ReadonlySet<string>; formats?: KernelFormats }): Outside => {
    const objects = new Map([["a.o", summarize(source, summarizeOptions(tree.formats))]]);
    return storedIndex([{ unit: VMLINUX, objects }], unitOptions(tree)).outsideFor("new.o");
  };
  const noreturn = new Set(["plain"]);
  assert.equal(build({ noreturn }).landing("plain", 0), "none");
  assert.equal(build({ noreturn, formats: renumbered }).landing("plain", 0), "exempt");
  assert.equal(build({ noreturn }).neverReturns("plain"), true, "by the list");
  // Idle loops belong to what must not be instrumented since 6.3.
  assert.equal(build({ noreturn }).isNoinstr("idle"), true);
  assert.equal(build({ noreturn, formats: renumbered }).isNoinstr("idle"), true);
  assert.equal(build({ noreturn, formats: treeFormats({ alternatives: ALTERNATIVES_12 }) }).isNoinstr("idle"), false);
});

test("registers that a function of another object does not keep", () => {
  const RBX = 1 << 3;
  const R12 = 1 << 12;
  const outside = outsideOf({
    "a.o": `FUNC loses\n\tmovl %edi, %ebx\n\tret\nEND loses\nFUNC between\n\tmovl %edi, %r12d\n\tjmp loses\nEND between\n`,
    "b.o": `FUNC keeps\n\tpushq %rbx\n\tmovl %edi, %ebx\n\tpopq %rbx\n\tret\nEND keeps\n`,
    "c.o": `FUNC excluded\n\tmovl %edi, %ebx\n\tret\nEND excluded\n\tSTACK_FRAME_NON_STANDARD excluded\n`,
    "d.o": `${weak("other", "FUNC other\n\tmovl %edi, %ebx\n\tret\nEND other\n")}.globl label\nlabel: movl %edi, %ebx\n\tret\n`,
    "e.o": returning("other"),
  });
  assert.equal(outside.clobbers("loses"), RBX);
  assert.equal(outside.clobbers("between"), RBX | R12);
  assert.equal(outside.clobbers("keeps"), 0);
  assert.equal(outside.clobbers("excluded"), undefined, "nobody has followed it");
  assert.equal(outside.clobbers("label"), undefined, "no function");
  assert.equal(outside.clobbers("other"), 0, "the strong one counts");
  assert.equal(outside.clobbers("nowhere"), undefined);
});
