import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AnalyzeOptions, analyzeObject, type TreeFacts } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { UsageError } from "../../src/base/errors.ts";
import { NONE } from "../../src/base/table.ts";
import { SHF_EXECINSTR } from "../../src/elf/constants.ts";
import { KernelIndex, VMLINUX } from "../../src/facts/kernel-index.ts";
import { summarize, summarizeFlow, summarizeOptions } from "../../src/facts/summarize.ts";
import { unitOptions } from "../../src/facts/unit.ts";
import { insnAt } from "../../src/flow/code.ts";
import { KIND_CONDITIONAL_TAIL, KIND_TAIL_CALL, ownerOf } from "../../src/flow/flow.ts";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { findOverridden } from "../../src/flow/overridden.ts";
import { KIND_BRANCH, KIND_JUMP } from "../../src/isa/insn-table.ts";
import { isOfBorder, PlaceFinder } from "./borders.ts";
import { type LinkMap, linkKernel } from "./link-map.ts";
import { matchFindings, type Placed } from "./linked-findings.ts";
import { buildStages, type Stages } from "./stages.ts";

// The verdict on one object, with an index of the others, against the verdict on all of them linked to one.

export interface LinkedOptions {
  readonly facts: TreeFacts;
  readonly analyze: AnalyzeOptions;
  /** Judged instead of what the build has: path -> object bytes, for mutants. */
  readonly instead?: ReadonlyMap<string, Uint8Array>;
  /** Objects that are compared; all. */
  readonly only?: (object: string) => boolean;
  readonly progress?: (text: string) => void;
}

/** Something that the two sides see differently. */
export interface Difference {
  readonly object: string;
  /** "section+0xoffset", in the object */
  readonly place: string;
  readonly function: string;
  readonly what: "finding" | "frame" | "successors" | "kind" | "dead call" | "never returns";
  readonly single: string;
  readonly linked: string;
}

export interface LinkedReport {
  readonly objects: number;
  readonly instructions: number;
  readonly functions: number;
  /** Instructions that lead from an object to another one without a call: assembly that is no function, and ends of sections. */
  readonly leaves: number;
  /** Instructions that only the linked one reaches, out of another object: what runs off the end of a section goes on in the next one's. */
  readonly entered: number;
  /** Findings of the objects, of the linked one, and how many are the same. */
  readonly findings: {
    readonly single: number;
    readonly linked: number;
    readonly same: number;
    /** Findings of either side whose defect the other side tells in other words: see linked-findings.ts. */
    readonly otherWords: number;
    /** Those that only an object by itself can see: see borders.ts. */
    readonly borders: number;
  };
  readonly differences: readonly Difference[];
  /** Seconds */
  readonly times: Readonly<Record<string, number>>;
}

export function checkLinked(build: string, options: LinkedOptions): LinkedReport {
  const scratch = mkdtempSync(join(tmpdir(), "objreview-linked-"));
  try {
    return compareAll(build, scratch, options);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function compareAll(build: string, scratch: string, options: LinkedOptions): LinkedReport {
  const times: Record<string, number> = {};
  const timed = <T>(what: string, work: () => T): T => {
    options.progress?.(what);
    const started = performance.now();
    const result = work();
    times[what] = (times[what] ?? 0) + (performance.now() - started) / 1000;
    return result;
  };
  const output = join(scratch, "vmlinux.o");
  const map = timed("link", () => linkKernel(build, output, writeInstead(scratch, options.instead)));
  const bytesOf = (object: string): Uint8Array => options.instead?.get(object) ?? readFileSync(join(build, object));
  const paths = [...map.keys()];
  const formats = summarizeOptions(options.facts.formats);
  const facts = timed(
    "summarize",
    () => new Map(paths.map((path) => [path, summarize(bytesSource(bytesOf(path)), formats)])),
  );
  const index = timed("index", () =>
    KernelIndex.build([{ unit: VMLINUX, objects: facts }], unitOptions(options.facts)),
  );
  const linkedBytes = readFileSync(output);
  const linked = timed("linked", () => buildStages(linkedBytes, options.facts, nothingOutside));
  // What a whole kernel holds of its own tables is asked like what an object is told of others.
  const itself = timed("index", () =>
    KernelIndex.build(
      [{ unit: VMLINUX, objects: new Map([["vmlinux.o", summarizeFlow(linked.flow)]]) }],
      unitOptions(options.facts),
    ).outsideFor("vmlinux.o"),
  );
  const linkedFindings = timed(
    "linked findings",
    () => analyzeObject(bytesSource(linkedBytes), { ...options.analyze, outside: itself }).findings,
  );
  const placeOfLinked = new PlaceFinder(map);
  const wanted: Placed[] = [];
  for (const finding of linkedFindings) {
    const place = placeOfLinked.find(finding.section, finding.offset);
    if (place === undefined || options.only?.(place.object) === false) continue;
    const entryOf = (path: typeof finding.path | undefined): string => {
      const entered = path?.[0];
      const entry = entered === undefined ? undefined : placeOfLinked.find(entered.section, entered.offset);
      return entry === undefined ? "" : `${entry.object} ${spotOf(entry)}`;
    };
    wanted.push({
      finding,
      object: place.object,
      place: spotOf(place),
      entry: entryOf(finding.path),
      otherEntry: entryOf(finding.otherPath),
    });
  }
  const told: Placed[] = [];
  const gone: Range[] = [];
  const differences: Difference[] = [];
  const total = { instructions: 0, functions: 0, leaves: 0, entered: 0, objects: 0 };
  for (const object of paths) {
    if (options.only?.(object) === false) continue;
    const bytes = bytesOf(object);
    const outside = index.outsideFor(object);
    const single = timed("single", () => buildStages(bytes, options.facts, outside));
    const counts = timed("compare", () => compareStages(object, single, linked, map, differences, outside));
    total.objects++;
    total.instructions += counts.instructions;
    total.functions += counts.functions;
    total.leaves += counts.leaves;
    total.entered += counts.entered;
    gone.push(...overriddenPlaces(object, single, outside));
    const { findings } = timed("single findings", () =>
      analyzeObject(bytesSource(bytes), { ...options.analyze, outside }),
    );
    for (const finding of findings) {
      const entryOf = (path: typeof finding.path | undefined): string =>
        path?.[0] === undefined ? "" : `${object} ${spotOf(path[0])}`;
      told.push({
        object,
        finding,
        place: spotOf(finding),
        entry: entryOf(finding.path),
        otherEntry: entryOf(finding.otherPath),
      });
    }
  }
  // The linked one has the code of weak functions that were replaced too, and nobody knows whose it is.
  const lives = (each: Placed): boolean => !gone.some((range) => covers(range, each));
  const matched = matchFindings(told, wanted.filter(lives));
  const onlySingle = matched.onlyFirst.filter((each) => !isOfBorder(each, linked, map, placeOfLinked));
  const tell = (side: "single" | "linked", { object, place, finding }: Placed): void => {
    const said = `${finding.rule}: ${finding.message}`;
    const sides = side === "single" ? { single: said, linked: "" } : { single: "", linked: said };
    differences.push({ object, place, function: finding.function, what: "finding", ...sides });
  };
  for (const each of onlySingle) tell("single", each);
  for (const each of matched.onlySecond) tell("linked", each);
  const borders = matched.onlyFirst.length - onlySingle.length;
  const { same, otherWords } = matched;
  const findings = { single: told.length, linked: wanted.length, same, otherWords, borders };
  return { ...total, findings, differences, times };
}

function writeInstead(scratch: string, instead: LinkedOptions["instead"]): Map<string, string> {
  const files = new Map<string, string>();
  for (const [object, bytes] of instead ?? []) {
    const file = join(scratch, `${files.size}.o`);
    writeFileSync(file, bytes);
    files.set(object, file);
  }
  return files;
}

/** Rows of the instructions of an object's code sections -> rows of the linked one. */
function mapInstructions(object: string, single: Stages, linked: Stages, map: LinkMap): Int32Array {
  const rows = new Int32Array(single.code.insns.length).fill(NONE);
  const { sections, sectionName } = single.code.object;
  const taken = new Map<string, number>();
  for (let section = 1; section < sections.length; section++) {
    const name = sectionName[section] as string;
    const nth = taken.get(name) ?? 0;
    taken.set(name, nth + 1);
    if (((sections.flags[section] as number) & SHF_EXECINSTR) === 0 || sections.size[section] === 0) continue;
    const placed = map.get(object)?.filter((each) => each.name === name)[nth];
    if (placed === undefined || placed.size !== sections.size[section])
      throw new UsageError(`${object}: ${name} is not where the map of the link has it`);
    const into = linked.code.object.findSection(placed.into);
    let row = insnAt(linked.code, into, placed.offset);
    for (let i = single.code.sectionStart[section] as number; i < (single.code.sectionEnd[section] as number); i++) {
      if (linked.code.insns.offset[row] !== (single.code.insns.offset[i] as number) + placed.offset)
        throw new UsageError(`${object}: ${name} has other instructions when it is linked`);
      rows[i] = row++;
    }
  }
  return rows;
}

/** Whether the walk over the linked one came to an instruction out of another object. */
function comesFromElsewhere({ frames }: Stages, row: number, own: ReadonlySet<number>): boolean {
  for (let i = row; frames.state[i] !== NONE; i = frames.cameFrom.of(i)) {
    if (!own.has(i)) return true;
    if (frames.cameFrom.of(i) === i) return false;
  }
  return false;
}

interface Range {
  readonly object: string;
  readonly section: string;
  readonly from: number;
  readonly to: number;
}

function overriddenPlaces(object: string, { flow }: Stages, outside: Outside): Range[] {
  const { table } = flow.functions;
  const gone = findOverridden(flow, outside);
  const ranges: Range[] = [];
  for (let f = 0; f < table.length; f++) {
    if (gone[f] !== 1) continue;
    const section = flow.code.object.sectionName[table.section[f] as number] as string;
    ranges.push({ object, section, from: table.start[f] as number, to: table.end[f] as number });
  }
  return ranges;
}

function covers({ object, section, from, to }: Range, each: Placed): boolean {
  const offset = Number.parseInt(each.place.slice(each.place.lastIndexOf("+") + 1), 16);
  return each.object === object && each.place.startsWith(`${section}+`) && from <= offset && offset < to;
}

const spotOf = ({ section, offset }: { readonly section: string; readonly offset: number }): string =>
  `${section}+0x${offset.toString(16)}`;

/** A jump or a branch, seen from inside and from outside of the object that it goes to. */
function isSameBranch(single: number, linked: number): boolean {
  return (
    single === linked ||
    (single === KIND_TAIL_CALL && linked === KIND_JUMP) ||
    (single === KIND_CONDITIONAL_TAIL && linked === KIND_BRANCH)
  );
}

function compareStages(
  object: string,
  single: Stages,
  linked: Stages,
  map: LinkMap,
  differences: Difference[],
  outside: Outside,
): { instructions: number; functions: number; leaves: number; entered: number } {
  const { code, flow } = single;
  const rows = mapInstructions(object, single, linked, map);
  const { table } = flow.functions;
  const nameOf = (f: number): string =>
    f === NONE ? "" : (code.object.symbolName[table.symbol[f] as number] as string);
  const skipped = findOverridden(flow, outside);
  const own = new Set(rows);
  let instructions = 0;
  let leaves = 0;
  let entered = 0;
  for (let i = 0; i < rows.length; i++) {
    const owner = ownerOf(flow, i);
    const f = owner === NONE ? single.frames.owner.of(i) : owner;
    if (f >= 0 && skipped[f] === 1) continue;
    instructions++;
    const row = rows[i] as number;
    const tell = (what: Difference["what"], a: string, b: string): void => {
      if (a === b) return;
      const place = `${code.object.sectionName[code.insns.section[i] as number]}+0x${(code.insns.offset[i] as number).toString(16)}`;
      differences.push({ object, place, function: f < 0 ? "" : nameOf(f), what, single: a, linked: b });
    };
    const linkedAfter = linked.after(row);
    const inside = linkedAfter.filter((to) => own.has(to));
    const kinds = [flow.kind[i] as number, linked.flow.kind[row] as number] as const;
    // Assembly that is no function jumps to some in another object: there the linked one goes on.
    const isLeft = inside.length < linkedAfter.length;
    if (isLeft) leaves++;
    if (!isLeft || !isSameBranch(...kinds)) tell("kind", String(kinds[0]), String(kinds[1]));
    if (single.frame(i) === "" && comesFromElsewhere(linked, row, own)) entered++;
    else tell("frame", single.frame(i), linked.frame(row));
    tell("dead call", String(single.returns.deadCall.has(i)), String(linked.returns.deadCall.has(row)));
    const after = single.after(i).map((to) => rows[to] as number);
    if (after.length !== inside.length || after.some((to, n) => to !== inside[n]))
      tell("successors", after.sort().join(), inside.sort().join());
  }
  let functions = 0;
  for (let f = 0; f < table.length; f++) {
    const first = table.firstInsn[f] as number;
    // Without a size it covers nothing, and nobody says where it would be in the linked one.
    if (first === NONE || skipped[f] === 1 || flow.functions.ofInsn[first] !== f) continue;
    functions++;
    const other = linked.flow.functions.ofInsn[rows[first] as number] as number;
    const [a, b] = [single.returns.neverReturns[f], other === NONE ? undefined : linked.returns.neverReturns[other]];
    if (a === b) continue;
    const place = `${code.object.sectionName[table.section[f] as number]}+0x${(table.start[f] as number).toString(16)}`;
    differences.push({
      object,
      place,
      function: nameOf(f),
      what: "never returns",
      single: String(a),
      linked: String(b),
    });
  }
  return { instructions, functions, leaves, entered };
}
