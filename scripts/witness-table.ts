// node scripts/witness-table.ts BUILD TREE [--witness KIND]... [--objects FILE]   every member of the build's vmlinux.a: what each witness says against
// the instructions, at each of them. Prints agreement by register, the classes of disagreement counted with an example each, and coverage.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type WitnessesOfObject, witnessesOfObject } from "../src/analyze/witnesses-of-object.ts";
import { bytesSource } from "../src/base/bytes.ts";
import { FormatError } from "../src/base/errors.ts";
import { NONE } from "../src/base/table.ts";
import { factsOfTexts } from "../src/facts/tree-facts.ts";
import { placeName } from "../src/flow/code.ts";
import { functionName } from "../src/flow/functions.ts";
import { compareHints, type HintComparison } from "../src/unwind/hint-compare.ts";
import { describeState } from "../src/unwind/state.ts";
import { CLAIM_NONE, CLAIM_SAME, CLAIM_TRUE } from "../src/unwind/witness-claims.ts";
import { compareWitness, type Disagreement, subjectName } from "../src/unwind/witness-compare.ts";
import { describeFrame } from "../src/unwind/witness-rows.ts";

const { values, positionals } = parseArgs({
  options: { witness: { type: "string", multiple: true }, objects: { type: "string" } },
  allowPositionals: true,
});
const [build, tree] = positionals;
if (build === undefined || tree === undefined) throw new Error("a build folder and its tree are wanted");
const texts = factsOfTexts((path) =>
  existsSync(join(tree, path)) ? readFileSync(join(tree, path), "utf8") : undefined,
);
if (texts === undefined) throw new Error(`${tree} has no object tool`);
const facts = { source: "the tree", ...texts };

interface Class {
  places: number;
  calls: number;
  instructions: number;
  readonly functions: Set<string>;
  example: string;
}
interface Sum {
  objects: number;
  instructions: number;
  covered: number;
  readonly counts: Map<string, number[]>;
  readonly classes: Map<string, Class>;
  functions: number;
  absent: number;
  readonly missing: string[];
  notFollowed: Set<string>;
}
/** CLAIM_* -> word */
const claims = ["same", "true", "wrong", "open", "nothing claimed"];
const hints = { objects: 0, hinted: 0, alone: 0, classes: new Map<string, string[]>() };
const sums = new Map<string, Sum>();
const unread: string[] = [];
const members =
  values.objects === undefined
    ? execFileSync("ar", ["t", "vmlinux.a"], { cwd: build, encoding: "utf8", maxBuffer: 1 << 26 })
    : readFileSync(values.objects, "utf8");

for (const member of members.trim().split("\n")) {
  let found: ReturnType<typeof witnessesOfObject>;
  try {
    found = witnessesOfObject(bytesSource(new Uint8Array(readFileSync(join(build, member)))), { facts });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    unread.push(`${member}: ${error.message}`);
    continue;
  }
  const { flow, frames, kept } = found;
  const { code, functions } = flow;
  unread.push(...found.unread.map((text) => `${member}: ${text}`));
  for (const witness of found.witnesses.slice(1)) {
    if (values.witness !== undefined && !values.witness.includes(witness.witness)) continue;
    if (witness.witness === "hints") {
      addHints(member, found, compareHints(flow, found.returns, frames, witness));
      continue;
    }
    const result = compareWitness(flow, frames, kept, witness);
    const sum = sumOf(witness.witness);
    sum.objects++;
    sum.instructions += result.instructions;
    sum.covered += result.covered;
    sum.absent += result.absent.length;
    sum.functions += functions.table.length;
    for (const [subject, counts] of result.counts) {
      const name = subjectName(flow, subject);
      const all = sum.counts.get(name) ?? new Array<number>(counts.length).fill(0);
      for (const [n, count] of counts.entries()) all[n] = (all[n] as number) + count;
      sum.counts.set(name, all);
    }
    const named = (f: number): string => `${member} ${functionName(code, functions, f)}`;
    for (const { owner, insn } of result.missing) sum.missing.push(`${named(owner)}: ${placeName(code, insn)}`);
    for (const each of result.disagreements) {
      if (each.why === "not-followed") sum.notFollowed.add(named(each.owner));
      const subject = subjectName(flow, each.subject);
      const kind = subject === "CFA" || subject === "ra" || subject === "signal" ? subject : "register";
      const key = `${each.verdict}: ${kind} ${each.why}, ${each.atRow ? "a row begins there" : "a row goes on"}`;
      let group = sum.classes.get(key);
      if (group === undefined) {
        group = { places: 0, calls: 0, instructions: 0, functions: new Set(), example: example(each) };
        sum.classes.set(key, group);
      }
      group.places++;
      group.calls += each.calls;
      group.instructions += each.count;
      group.functions.add(named(each.owner));
    }

    function example(each: Disagreement): string {
      const id = frames.state[each.insn] as number;
      const state = frames.states.all[id];
      const ours = state === undefined ? "" : describeState(code.arch, state);
      const theirs = describeFrame(code.arch, witness, each.frame);
      const from = each.cause === NONE ? "" : `, from ${placeName(code, each.cause)}`;
      return `${named(each.owner)}, ${subjectName(flow, each.subject)} at ${placeName(code, each.insn)}${from}: ours ${ours}; theirs ${theirs}`;
    }
  }
}

/** A hint is held against the frame that control brings to it. */
function addHints(member: string, { flow }: WitnessesOfObject, { hinted, ways, alone }: HintComparison): void {
  hints.objects++;
  hints.hinted += hinted;
  hints.alone += alone.length;
  for (const { insn, from, brought, verdict, why } of ways) {
    const key = why === undefined ? claims[verdict]! : `${claims[verdict]}, ${why}`;
    const group = hints.classes.get(key) ?? [];
    const way = from === NONE ? "whoever calls it" : placeName(flow.code, from);
    group.push(`${member} ${placeName(flow.code, insn)} from ${way}: ${describeState(flow.code.arch, brought)}`);
    hints.classes.set(key, group);
  }
}

function sumOf(name: string): Sum {
  let sum = sums.get(name);
  if (sum === undefined) {
    sum = {
      objects: 0,
      instructions: 0,
      covered: 0,
      counts: new Map(),
      classes: new Map(),
      functions: 0,
      absent: 0,
      missing: [],
      notFollowed: new Set(),
    };
    sums.set(name, sum);
  }
  return sum;
}

for (const [name, sum] of sums) {
  console.log(`\n${name}: ${sum.objects} objects, ${sum.instructions} instructions walked, ${sum.covered} covered`);
  console.log(
    `${sum.functions} functions, ${sum.absent} without any row, ${sum.missing.length} with a call that no row covers`,
  );
  for (const each of sum.missing.slice(0, 10)) console.log(`  ${each}`);
  console.log(
    `${sum.notFollowed.size} functions that ours cannot follow: ${[...sum.notFollowed].slice(0, 20).join("; ")}`,
  );
  console.log("subject   agree %   same rule   true as well   wrong   open   not said");
  for (const [subject, counts] of sum.counts) {
    const said = counts.reduce((all, count) => all + count, 0) - (counts[CLAIM_NONE] as number);
    const agree = (counts[CLAIM_SAME] as number) + (counts[CLAIM_TRUE] as number);
    console.log(`${subject.padEnd(8)} ${((100 * agree) / Math.max(1, said)).toFixed(4)} ${counts.join(" ")}`);
  }
  for (const [key, { places, calls, instructions, functions, example }] of [...sum.classes].sort(
    (a, b) => b[1].functions.size - a[1].functions.size,
  )) {
    console.log(
      `\n${key}: ${functions.size} functions, ${places} groups, ${instructions} instructions, ${calls} calls\n  ${example}`,
    );
  }
}
if (hints.objects > 0) {
  const { objects, hinted, alone, classes } = hints;
  console.log(`\nhints: ${objects} objects, ${hinted} instructions, of which no way is known to ${alone}`);
  for (const [key, ways] of [...classes].sort()) console.log(`${key}: ${ways.length} ways\n  ${ways[0]}`);
}
console.log(`\nunread: ${unread.length}`);
for (const each of unread.slice(0, 10)) console.log(`  ${each}`);
