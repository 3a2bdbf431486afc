import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { decodeFacts, encodeFacts } from "../../src/facts/encode.ts";
import { KernelIndex } from "../../src/facts/kernel-index.ts";
import { summarize } from "../../src/facts/summarize.ts";
import { assemble } from "../support/assemble.ts";

// Objects that no compiler makes: what is asked of them has to stay linear.

/** Of processor time: other tests run beside this one. */
function milliseconds(work: () => void): number {
  const started = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

/** Functions that lead from one to the next, the last one to another object. */
function chain(count: number): Uint8Array {
  const lines: string[] = [];
  for (let i = 0; i < count; i++)
    lines.push(`.globl f${i}\n.type f${i}, @function\nf${i}: jmp f${i + 1}\n.size f${i}, . - f${i}`);
  return assemble(lines.join("\n")).bytes;
}

/** Functions that all begin in front of one long run of code. */
function overlapping(count: number): Uint8Array {
  const lines = Array.from(
    { length: count },
    (_, i) => `.globl g${i}\n.type g${i}, @function\ng${i}: movl $${i}, %eax`,
  );
  return assemble(
    `${lines.join("\n")}\nud2\n${Array.from({ length: count }, (_, i) => `.size g${i}, . - g${i}`).join("\n")}`,
  ).bytes;
}

for (const [name, make, count] of [
  ["a chain of tail calls", chain, 1000],
  ["functions that overlap", overlapping, 1000],
] as const) {
  test(`${name}: ten times as many cost about ten times as much`, () => {
    const [small, large] = [make(count), make(count * 10)];
    const all = (bytes: Uint8Array) => {
      const facts = decodeFacts(encodeFacts(summarize(bytesSource(bytes))));
      const index = KernelIndex.build([{ unit: "vmlinux", objects: new Map([["a.o", facts]]) }], {
        isListedNoreturn: () => false,
      });
      const outside = index.outsideFor("b.o");
      outside.neverReturns("f0");
      outside.untraining("f0");
    };
    all(small);
    const one = milliseconds(() => all(small));
    const ten = milliseconds(() => all(large));
    assert.ok(ten < one * 40 + 300, `${one.toFixed(0)} ms and ${ten.toFixed(0)} ms`);
  });
}
