import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";
import { NONE } from "../base/table.ts";
import { type Place, readSourcePlaces } from "../dwarf/source-places.ts";
import { STB_LOCAL } from "../elf/constants.ts";
import { openObject } from "../elf/object.ts";
import { buildCode } from "../flow/code.ts";
import { buildFlow, type Flow } from "../flow/flow.ts";
import type { KernelFormats } from "../flow/formats.ts";
import { buildFunctions, functionName } from "../flow/functions.ts";
import { isLinkedObject } from "../flow/linked-object.ts";
import { nothingOutside, type Outside } from "../flow/outside.ts";
import { findOverridden } from "../flow/overridden.ts";
import { solveReturns } from "../flow/returns.ts";
import { findArch } from "../isa/index.ts";
import { type Checks, checksWithoutConfig } from "../rules/checks.ts";
import { type Finding, outerPlace, type SourcePlace } from "../rules/finding.ts";
import { rules } from "../rules/index.ts";
import type { DataSpot, MissingFact, Report, Rule, RuleContext } from "../rules/rule.ts";
import { ownerName } from "../rules/ways.ts";
import { walkFlags } from "../unwind/machine-flags.ts";
import { simulateFrames } from "../unwind/simulate.ts";
import { readCompilers } from "./compilers.ts";
import { contentKey } from "./content-key.ts";
import { type Coverage, measureCoverage } from "./coverage.ts";
import { debugByteCount, holdDebugSections, MOST_DEBUG_BYTES, TOO_MUCH_DEBUG } from "./debug-bytes.ts";
import { describeWays } from "./describe-way.ts";
import { type FrameExcerpt, frameExcerpt } from "./frame-table.ts";
import { buildGraph, type FunctionGraph } from "./graph.ts";
import { DefectFilter, type ExplainedFindings, type KnownDefectsOptions } from "./known-defects.ts";
import { stableName } from "./names.ts";
import { functionLines, placedInsn, reportPlace } from "./report-place.ts";
import { symbolAt } from "./symbol-at.ts";
import { readWatch, type Watch } from "./weakening.ts";
import { type OpenWitnesses, openWitnesses } from "./witnesses.ts";

/** What the tree says of functions, on the side that is judged. */
export interface TreeFacts {
  /** Where it comes from, for coverage: "tools/objtool of the tree", "built-in lists of 6.12". */
  readonly source: string;
  readonly noreturn: ReadonlySet<string>;
  /** Functions that may be called, and are entered, with user access open. */
  readonly accessSafe: ReadonlySet<string>;
  /** What the tree's headers say of the sections that annotate code; without it each object says what it can. */
  readonly formats?: KernelFormats;
}

export interface AnalyzeOptions {
  readonly facts: TreeFacts;
  /** What this kernel promises, by its configuration; checksWithoutConfig where there is none. */
  readonly checks?: Checks;
  /** What is known of other objects of the same unit; nothing by itself. */
  readonly outside?: Outside;
  /** Also answers what only a comparison of two sides asks. It costs looking up lines. */
  readonly forComparison?: boolean;
  /** Holds what compiler and assembler say (frames, functions that never return) against the code, where the object has such data. */
  readonly witnesses?: boolean;
  readonly knownDefects?: KnownDefectsOptions;
  /** Directories that source paths are made relative to. */
  readonly stripPrefixes?: readonly string[];
}

/** A finding with what only a comparison of two sides needs. */
export interface ObjectFinding extends Finding {
  /** The fingerprint without the function: the same for every copy of a piece of code that the compiler inlined. */
  readonly defect: string;
  /** What the function does, whatever it is called: see contentKey. */
  readonly content: string;
  /** Lines of the function's own source (inlined code counts where it is called): its file, first and last line. */
  functionLines(): { readonly file: string; readonly from: number; readonly to: number } | undefined;
  /** The picture of its function. */
  graph(): FunctionGraph | undefined;
  /** The table of witnesses around it, of a rule whose findings are shown with one. */
  frames(): FrameExcerpt | undefined;
}

export interface ComparisonFacts {
  /** Contracts with callers that are not kept (rules that are judged against the base): facts by themselves. */
  readonly contracts: readonly ObjectFinding[];
  /** What of the object is checked, and what it asks not to be. */
  readonly watch: Watch;
}

export interface ObjectAnalysis {
  /** e_machine */
  readonly machine: number;
  readonly findings: readonly ObjectFinding[];
  /** What only a comparison of two sides asks, where it was asked for. */
  readonly comparison?: ComparisonFacts;
  readonly coverage: Coverage;
  /** What is no finding because a known defect of the compiler explains it; nothing where those are shown. */
  readonly knownDefects: readonly ExplainedFindings[];
  /** Undefined functions whose never returning would change a verdict here. */
  readonly undecided: readonly string[];
  /** Symbols of other objects for which nobody knew what a verdict here needs: what that is -> their names. */
  readonly missing: ReadonlyMap<MissingFact, ReadonlySet<string>>;
  /** Functions that other objects see and that never return. */
  readonly neverReturning: readonly string[];
  /** Functions that other objects can name. */
  readonly defined: ReadonlySet<string>;
  /** The symbol is one of another object. */
  isImported(symbol: string): boolean;
  /** Bytes [from, to) of code, by section name, for excerpts; of a linked kernel only while its source is open. */
  codeBytes(section: string, from: number, to: number): Uint8Array | undefined;
  /** Symbol that the instruction at a section's offset names, for excerpts. */
  symbolAt(section: string, offset: number): string | undefined;
}

type Known = "alone" | "linked" | "whole";

/** The same words for every object, so that a report says them once. */
const withoutFact: Readonly<Record<MissingFact, Readonly<Record<Known, string>>>> = {
  landing: {
    alone:
      "addresses of what other objects define were not checked for landing pads: that takes an index of the whole kernel",
    linked:
      "addresses of what this linked object does not define, such as symbols of the linker script, were not checked for landing pads",
    whole:
      "addresses of what no object of its link defines, such as symbols of the linker script, were not checked for landing pads",
  },
  noinstr: {
    alone:
      "calls out of code that must not be instrumented were not all checked: that takes an index of the whole kernel",
    linked:
      "calls out of code that must not be instrumented were not all checked: which weak definitions count and what tables of operations hold is known with --index",
    whole:
      "calls out of code that must not be instrumented were not checked where no object of its link defines the callee",
  },
};

/**
 * Validates one relocatable object. Pure: bytes in, values out; the work is linear in its code.
 * @throws FormatError for input that is no object of a known machine
 */
export function analyzeObject(source: ByteSource, options: AnalyzeOptions): ObjectAnalysis {
  const object = openObject(source);
  const arch = findArch(object.machine);
  if (arch === undefined) {
    throw new FormatError("unsupported", `machine ${object.machine} is not known here`, { format: "ELF", offset: 18 });
  }
  const code = buildCode(object, arch);
  const functions = buildFunctions(code);
  const { facts } = options;
  const flow = buildFlow(code, functions, facts.formats);
  forgetMuchCode(flow);
  const outside = options.outside ?? nothingOutside;
  const checks = options.checks ?? checksWithoutConfig;
  const returns = solveReturns(flow, (symbol) => (facts.noreturn.has(symbol) ? true : outside.neverReturns(symbol)));
  const frames = simulateFrames(flow, returns);
  const flags = walkFlags(flow, returns, (symbol) => facts.accessSafe.has(symbol));
  const missing = new Map<MissingFact, Set<string>>();
  const leftOut: { readonly owner: number; readonly why: string }[] = [];
  const unread: string[] = [];
  const compilers = readCompilers(object);
  const witnesses = options.witnesses
    ? openWitnesses(flow, returns, frames, compilers, (why) => unread.push(why))
    : undefined;
  const context: RuleContext = {
    flow,
    returns,
    frames,
    flags,
    isListedNoreturn: (symbol) => facts.noreturn.has(symbol),
    checks,
    outside,
    witnesses,
    missing: (fact, symbol) => {
      const names = missing.get(fact);
      if (names === undefined) missing.set(fact, new Set([symbol]));
      else names.add(symbol);
    },
    leftOut: (owner, why) => leftOut.push({ owner, why }),
  };
  const places = readSourcePlaces(object, { stripPrefixes: options.stripPrefixes ?? [] });
  const overridden = findOverridden(flow, outside);
  const coverage = measureCoverage(context, overridden);
  const isTooMuch = debugByteCount(object) > MOST_DEBUG_BYTES;
  let placesBroken = false;
  const askLines = (ask: () => SourcePlace | undefined): SourcePlace | undefined => {
    if (placesBroken) return undefined;
    if (isTooMuch) {
      placesBroken = true;
      coverage.notes.push({ kind: "assumption", why: TOO_MUCH_DEBUG });
      return undefined;
    }
    try {
      return ask();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      placesBroken = true;
      coverage.notes.push({ kind: "assumption", why: `no source lines: ${error.message}` });
      return undefined;
    }
  };
  const placeOf = (insn: number): SourcePlace | undefined =>
    askLines(() => {
      // A replacement has no lines of its own: it stands where its original does.
      const at = placedInsn(flow, insn);
      return sourcePlace(places.find(code.insns.section[at] as number, code.insns.offset[at] as number));
    });
  const declaredAt = (entry: number): SourcePlace | undefined =>
    askLines(() => {
      const { file, line } = places.declarationAt(entry) ?? { file: "", line: 0 };
      return file === "" || line === 0 ? undefined : { file, line, inlineStack: [] };
    });
  const findings: ObjectFinding[] = [];
  const contracts: ObjectFinding[] = [];
  const undecided = new Set<string>();
  /** What is told of code that another object's takes the place of: it never runs. */
  const isOverridden = ({ owner, at }: Report): boolean => {
    const f = owner >= 0 || at === NONE ? owner : frames.owner.of(at);
    return f >= 0 && overridden[f] === 1;
  };
  const forComparison = options.forComparison === true;
  const defects = new DefectFilter(flow, compilers, options.knownDefects?.compiler);
  for (const rule of rules) {
    if (rule.applies?.(checks) === false || (rule.againstBase && !forComparison)) continue;
    rule.check(context, (report) => {
      if (isOverridden(report)) return;
      const told = options.knownDefects?.show === true ? report : defects.told(rule, report);
      if (told === undefined) return;
      (rule.againstBase ? contracts : findings).push(
        makeFinding(context, rule, told, { placeOf, declaredAt }, witnesses),
      );
      if (report.message === "after-call") undecided.add((report.data?.callee ?? "").replace(/\(\)$/, ""));
    });
  }
  for (const { owner, why } of leftOut)
    coverage.notes.push({ kind: "assumption", function: functionName(code, functions, owner), why });
  coverage.notes.push(...defects.notes());
  for (const why of unread) coverage.notes.push({ kind: "assumption", why });
  if (missing.size > 0) {
    const known: Known = outside.isWhole === true ? "whole" : isLinkedObject(object) ? "linked" : "alone";
    for (const fact of missing.keys()) coverage.notes.push({ kind: "assumption", why: withoutFact[fact][known] });
  }
  if (findings.length + contracts.length > 0 && !isTooMuch) holdDebugSections(object);
  // Only a comparison of two sides asks for them.
  let defined: ReadonlySet<string> | undefined;
  return {
    machine: object.machine,
    findings,
    ...(forComparison ? { comparison: { contracts, watch: readWatch(context, coverage.notes, placeOf) } } : {}),
    coverage,
    knownDefects: defects.explained,
    undecided: [...undecided],
    missing,
    neverReturning: neverReturning(flow, returns.neverReturns),
    get defined() {
      defined ??= definedFunctions(flow);
      return defined;
    },
    isImported: (name) => object.symbolName.some((each, s) => each === name && object.symbols.section[s] === NONE),
    codeBytes: (name, from, to) => {
      const section = object.findSection(name);
      return section === NONE ? undefined : object.part(section, from, to);
    },
    symbolAt: (name, offset) => symbolAt(flow, name, offset),
  };
}

/** Bytes of code that are no longer held once it is decoded. */
const MUCH_CODE = 1 << 22;

/** Nothing but excerpts asks for the bytes of code any more: of a linked kernel they are read again for those. */
function forgetMuchCode({ code: { object, sections } }: Flow): void {
  for (const s of sections) if ((object.sections.size[s] as number) > MUCH_CODE) object.forget(s);
}

/** What the debug information says of lines. */
interface Lines {
  placeOf(insn: number): SourcePlace | undefined;
  declaredAt(entry: number): SourcePlace | undefined;
}

function makeFinding(
  context: RuleContext,
  rule: Rule,
  report: Report,
  { placeOf, declaredAt }: Lines,
  witnesses: OpenWitnesses | undefined,
): ObjectFinding {
  const { flow } = context;
  const { code } = flow;
  const message = rule.messages[report.message] as { text: string; severity?: Finding["severity"] };
  const { spot } = report;
  const owner = spot === undefined ? ownerName(context, report.owner, report.at) : spot.name;
  const data = { ...report.data, ...report.words, function: stableName(owner) };
  const text = message.text.replace(/\{(\w+)\}/g, (_, key: string) => data[key as keyof typeof data] ?? `{${key}}`);
  const names = Object.entries(report.data ?? {}).map(([key, value]) => `${key}=${stableName(value)}`);
  const defect = [report.message, ...names.sort()];
  const fingerprint = hashText([rule.id, stableName(owner), ...defect].join("\n"));
  const said = { message: text, fingerprint, defect: hashText([rule.id, ...defect].join("\n")) };
  if (spot !== undefined) return dataFinding(context, rule, report, spot, said, placeOf);
  const declared = report.entry === undefined ? undefined : declaredAt(report.entry);
  const place = declared ?? reportPlace(context, report, placeOf);
  const graphOwner = report.owner;
  return {
    rule: rule.id,
    severity: message.severity ?? rule.severity,
    function: owner,
    section: code.object.sectionName[code.insns.section[report.at] as number] as string,
    offset: code.insns.offset[report.at] as number,
    messageKey: report.message,
    ...said,
    ...(place === undefined ? {} : { place }),
    ...describeWays(context, report, placeOf),
    evidence: report.evidence ?? [],
    related: report.related ?? [],
    ...(report.shape === undefined ? {} : { shape: report.shape }),
    content: graphOwner < 0 ? "" : contentKey(flow, graphOwner),
    functionLines: () => functionLines(flow, graphOwner, report.at, placeOf),
    graph: () => (graphOwner < 0 ? undefined : buildGraph(context, graphOwner, report, placeOf)),
    frames: () => (rule.showsFrames && witnesses ? frameExcerpt(witnesses.table(), report.at, placeOf) : undefined),
  };
}

/** A finding about a word of data: no instruction, no way to it, and no line, since line tables have none of data. */
function dataFinding(
  context: RuleContext,
  rule: Rule,
  report: Report,
  spot: DataSpot,
  said: Pick<ObjectFinding, "message" | "fingerprint" | "defect">,
  placeOf: (insn: number) => SourcePlace | undefined,
): ObjectFinding {
  const { code } = context.flow;
  let file: string | undefined;
  for (let f = 0; f < context.flow.functions.table.length && file === undefined; f++) {
    const first = context.flow.functions.table.firstInsn[f] as number;
    const place = first === NONE ? undefined : placeOf(first);
    if (place !== undefined) file = outerPlace(place).file;
  }
  return {
    rule: rule.id,
    severity: rule.messages[report.message]?.severity ?? rule.severity,
    function: spot.name,
    section: code.object.sectionName[spot.section] as string,
    offset: spot.offset,
    messageKey: report.message,
    ...said,
    ...(file === undefined ? {} : { place: { file, line: 0, inlineStack: [] } }),
    path: [],
    evidence: report.evidence ?? [],
    related: report.related ?? [],
    content: "",
    functionLines: () => undefined,
    graph: () => undefined,
    frames: () => undefined,
  };
}

function sourcePlace(place: Place | undefined): SourcePlace | undefined {
  if (place === undefined) return undefined;
  return { file: place.file, line: place.line, inlineStack: place.inlineStack };
}

function neverReturning(flow: Flow, neverReturns: Uint8Array): string[] {
  const { table } = flow.functions;
  const { symbols } = flow.code.object;
  const found: string[] = [];
  for (let f = 0; f < table.length; f++) {
    if (neverReturns[f] === 1 && symbols.binding[table.symbol[f] as number] !== STB_LOCAL) {
      found.push(functionName(flow.code, flow.functions, f));
    }
  }
  return found;
}

function definedFunctions(flow: Flow): Set<string> {
  const { symbols, symbolName } = flow.code.object;
  const names = new Set<string>();
  flow.functions.ofSymbol.forEach((symbol) => {
    if (symbols.binding[symbol] !== STB_LOCAL) names.add(symbolName[symbol] as string);
  });
  return names;
}
