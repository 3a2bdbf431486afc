import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { witnessesOfObject } from "../../src/analyze/witnesses-of-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { builtInFacts } from "../../src/facts/built-in.ts";
import { UNWIND_HINT_TYPE_FUNC } from "../../src/orc/constants.ts";
import { compareHints } from "../../src/unwind/hint-compare.ts";
import { CLAIM_SAME, CLAIM_TRUE, CLAIM_WRONG } from "../../src/unwind/witness-claims.ts";
import { describeFrame } from "../../src/unwind/witness-rows.ts";
import { findKernelObjects } from "../support/kernel-objects.ts";

// The hints of real kernel objects (from 6.4 on), as binutils lists the section: a second reading of the same bytes.

const SECTION = ".discard.unwind_hints";
const NAMES = ["", "", "rdx", "rdi", "rbp", "rsp", "r10", "r13"];

/** "section+offset" -> what its last entry says; none for one that saves or restores. */
function listed(path: string): Map<string, string> {
  const run = (...args: string[]): string =>
    execFileSync("readelf", [...args, path], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
      env: { ...process.env, LC_ALL: "C" },
    });
  const bytes: number[] = [];
  for (const [, words] of run("-x", SECTION).matchAll(/^ +0x[0-9a-f]{8} ((?:[0-9a-f]{2,8} ){1,4})/gm))
    for (const pair of words!.replaceAll(" ", "").match(/../g)!) bytes.push(Number.parseInt(pair, 16));
  const said = new Map<string, string>();
  const table = run("-rW").split(`'.rela${SECTION}'`)[1]?.split("\nRelocation section")[0] ?? "";
  for (const [, at, target, addend] of table.matchAll(
    /^([0-9a-f]{16}) +[0-9a-f]+ +R_X86_64_PC32 +[0-9a-f]+ +(\S+) ([+-] [0-9a-f]+)$/gm,
  )) {
    const [low, high, register, type, signal] = bytes.slice(Number.parseInt(at!, 16) + 4) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const offset = ((low | (high << 8)) << 16) >> 16;
    const cfa = register === 9 ? `CFA=(rsp+0)+${offset}` : `CFA=${NAMES[register]}+${offset}`;
    const tail = `${signal === 1 ? ", signal" : ""}${type === 3 ? ", full registers" : type === 4 ? ", partial registers" : ""}`;
    const place = `${target}${Number.parseInt(addend!.replace(" ", ""), 16)}`;
    if (type === 0) said.set(place, "CFA not said");
    else if (type === 1) said.set(place, "CFA undefined, end of stack");
    else if (type === 2 || type === 5) said.set(place, `${cfa}, rbp not said, ra at CFA-8${tail}`);
    else if (type === 3 || type === 4) said.set(place, `${cfa}${tail}`);
  }
  return said;
}

test("every hint of a kernel build says what the section's bytes say, and only one of them contradicts the code", (t) => {
  let hints = 0;
  let ways = 0;
  const wrong: string[] = [];
  for (const path of findKernelObjects(300)) {
    const file = readFileSync(path);
    if (!file.includes(SECTION)) continue;
    const { flow, returns, frames, witnesses } = witnessesOfObject(bytesSource(new Uint8Array(file)), {
      facts: builtInFacts,
    });
    const rows = witnesses.find(({ witness }) => witness === "hints")!;
    const { code } = flow;
    const said = new Map<string, string>();
    for (let row = 0; row < rows.rows.length; row++)
      said.set(
        `${code.object.sectionName[rows.rows.section[row]!]}${rows.rows.start[row]}`,
        describeFrame(code.arch, rows, rows.rows.frame[row]!),
      );
    for (const [place, says] of listed(path)) {
      assert.equal(said.get(place), says, `${path} ${place}`);
      hints++;
    }
    const compared = compareHints(flow, returns, frames, rows);
    ways += compared.ways.length;
    for (const { insn, verdict, why } of compared.ways)
      if (verdict === CLAIM_WRONG) {
        const { section, offset } = code.insns;
        const symbol = flow.functions.symbolCovering(section[insn]!, offset[insn]!);
        wrong.push(`${code.object.symbolName[symbol]} ${why}`);
      }
  }
  t.diagnostic(`${hints} hints, ${ways} ways`);
  assert.ok(hints > 300, String(hints));
  // The entry of breakpoints says that it was called, and a hint behind it that it was interrupted: see docs/witnesses.md.
  assert.deepEqual([...new Set(wrong)], ["asm_exc_int3 signal"]);
});

const ENTRY_SIZE = 12;
const ONE_IN = 7;

function sameBytes(file: Uint8Array, at: number, wanted: Uint8Array): boolean {
  return wanted.every((byte, n) => file[at + n] === byte);
}

test("a hint of the entry code that is a word off is found, where the code on the way to it says where the frame is", (t) => {
  const path = findKernelObjects(300).find((each) => each.endsWith("arch/x86/entry/entry_64.o"))!;
  const file = new Uint8Array(readFileSync(path));
  const before = witnessesOfObject(bytesSource(file), { facts: builtInFacts });
  const { object } = before.flow.code;
  const section = object.findSection(SECTION);
  const at = file.findIndex((_, n) => sameBytes(file, n, object.bytes(section)));
  const { ways } = compareHints(before.flow, before.returns, before.frames, before.witnesses.at(-1)!);
  const proved = new Set(
    ways.filter(({ verdict }) => verdict === CLAIM_SAME || verdict === CLAIM_TRUE).map(({ insn }) => insn),
  );
  const found = { planted: 0, wrong: 0 };
  for (let entry = 0; entry < object.sections.size[section]! / ENTRY_SIZE; entry += ONE_IN) {
    const mutant = file.slice();
    const view = new DataView(mutant.buffer);
    view.setInt16(at + entry * ENTRY_SIZE + 4, view.getInt16(at + entry * ENTRY_SIZE + 4, true) + 8, true);
    const { flow, returns, frames, witnesses } = witnessesOfObject(bytesSource(mutant), { facts: builtInFacts });
    const row = flow.hints.spOffset.findIndex((offset, n) => offset !== before.flow.hints.spOffset[n]);
    const insn = flow.hints.insn[row]!;
    // A function's hint has no use for its offset.
    if (flow.hints.type[row] === UNWIND_HINT_TYPE_FUNC || !proved.has(insn)) continue;
    found.planted++;
    const told = compareHints(flow, returns, frames, witnesses.at(-1)!).ways;
    if (told.some((way) => way.insn === insn && way.verdict === CLAIM_WRONG)) found.wrong++;
  }
  t.diagnostic(`${found.wrong} of ${found.planted}`);
  assert.ok(found.planted > 3);
  assert.equal(found.wrong, found.planted);
});
