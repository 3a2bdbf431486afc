import type { ObjectFinding } from "../../src/analyze/analyze-object.ts";
import type { ObjectModel } from "./object-model.ts";
import type { TheirReport } from "./their-tool.ts";

/** One thing that one of the tools says about a function. */
export interface Said {
  /** Keys of ObjectModel.keyOf; a finding of ours is filed under its place and under its function, which are mostly one. */
  readonly functions: readonly string[];
  readonly rule: string;
  readonly text: string;
  /** "section+0xoffset" or as their tool names it */
  readonly place: string;
}

/** What is said of one function under one rule, by whom. */
export interface Verdict extends Said {
  /**
   * both: the same rule in the same function. other-rule: they name the function, we name it by another rule. only-theirs: we say nothing
   * about the function. echo: they say of assembly that is no function, with the same two frames, what they say at a place that we name too: they
   * walk on with the wrong one of the two; and the like, see isToldElsewhere. masked: only ours, where theirs stopped before (one warning a function, nothing behind a fatal one, nothing
   * unreachable when anything else was said). only-ours: the rest.
   */
  readonly by: "both" | "other-rule" | "only-theirs" | "echo" | "masked" | "only-ours";
}

const sectionKey = (name: string): string => `section ${name}`;

export function sayOurs(model: ObjectModel, findings: readonly ObjectFinding[]): Said[] {
  return findings.map((finding) => {
    const key = model.keyOf(model.code.object.findSection(finding.section), finding.offset);
    const named = model.keysOfName(finding.function, 0);
    const also = finding.related.flatMap((each) => model.keysOfName(each.function, 0));
    const section =
      finding.rule === "falls-through" ? [sectionKey(finding.section), sectionKey(".altinstr_replacement")] : [];
    return {
      functions: [...new Set([...named, key, `unknown ${finding.function}`, ...section, ...also])],
      rule: finding.rule,
      text: `${finding.severity === "note" ? NOTE : ""}${finding.message}`,
      place: `${finding.section}+0x${finding.offset.toString(16)}`,
    };
  });
}

export function sayTheirs(model: ObjectModel, reports: readonly TheirReport[]): Said[] {
  return reports.flatMap((report) =>
    report.rule === undefined
      ? []
      : [
          {
            functions: placesOf(model, report),
            rule: report.rule,
            text: report.text,
            place: `${report.name}+0x${report.plus.toString(16)}`,
          },
        ],
  );
}

/** What is said of a table as a whole, without a place. */
const ANYWHERE = "anywhere";

function placesOf(model: ObjectModel, report: TheirReport): string[] {
  // It names only the section whose end is run over.
  const end = /^unexpected end of section ?(\S*)/.exec(report.text);
  if (end !== null)
    return [
      sectionKey(end[1] || report.name),
      ...model.keysOfName(report.name, 0),
      sectionKey(report.name),
      ...[model.keyOfEnd(end[1] || report.name)].filter((each) => each !== undefined),
    ];
  const keys = model.keysOfName(report.name, report.plus);
  // "... at SECTION:0xOFFSET", and "... to !ENDBR: SYMBOL+0xOFFSET": another place that it is about.
  const other = /(?: at |!ENDBR: )([^\s:+]+)[:+](?:0x)?([0-9a-f]+)/.exec(report.text);
  const also = other === null ? [] : model.keysOfName(other[1] as string, Number.parseInt(other[2] as string, 16));
  // Assembly that is no function: theirs names the symbol around, ours the label before.
  const around = keys.some((key) => key.startsWith("label ")) ? model.keysOfName(report.name, 0) : [];
  const found = [...new Set([...keys, ...also, ...around])];
  if (found.length > 0 && report.rule !== "dangling-annotation") return found;
  // A stand-in is where the way from this object comes to its first return.
  // An entry of a table is told of either side of it.
  if (report.name === "" || report.rule === "untrain-before-return" || report.rule === "dangling-annotation")
    return [ANYWHERE];
  return [`unknown ${report.name}`];
}

const NOTE = "(note) ";
const identity = (said: Said): string => `${said.functions[0]} ${said.rule}`;

/**
 * Theirs follows the ways to where the return predictor is untrained entry by entry, and ends at the first destination that the object does not
 * have. Which entry that is says nothing of a mutant when the object as it is ends the search, too. A note of ours does not stand for what is more than one.
 */
const saidOf = (said: Said): string =>
  /^[Uu]nresolved .* after linking/.test(said.text)
    ? `any ${said.rule}`
    : `${said.text.startsWith(NOTE) ? NOTE : ""}${identity(said)}`;

/** What is said of a mutant and was not said of the object before. */
export function without(said: readonly Said[], before: readonly Said[]): Said[] {
  const known = new Set(before.map(saidOf));
  return said.filter((each) => !known.has(saidOf(each)));
}

const isLabel = (said: Said): boolean => (said.functions[0] as string).startsWith("label ");

/** The same damage, told by them where it comes out and by us where it is. */
function isToldElsewhere(their: Said, ours: readonly Said[]): boolean {
  const isSaid = (rule: string): boolean => ours.some((our) => our.rule === rule);
  // A callee whose symbol has no size is none to them: they name the caller.
  if (their.rule === "intra-function-call") return isSaid("missing-symbol-size");
  // An original or a replacement that begins or ends inside an instruction: they go on with what is there, and in assembly from an original into the
  // exit behind. They name the place in the replacements, whose function may be another one.
  if (their.rule === "alternatives-disagree") return isSaid("dangling-annotation");
  if (their.place.startsWith(".altinstr_replacement+") && isSaid("dangling-annotation")) return true;
  // Up to 6.1 they name the section that a walk began in, whichever it has come to: a replacement's, with the place behind the original.
  const elsewhere = /^\.altinstr_replacement\+(.*)$/.exec(their.place)?.[1];
  if (elsewhere !== undefined && ours.some((our) => our.rule === their.rule && our.place.endsWith(`+${elsewhere}`)))
    return true;
  // Entry code that a function runs into: they go on with the function's frame to where that code leaves, ours tells where the two meet.
  if (their.rule === "unsupported-in-function" && isLabel(their) && isSaid("undefined-stack-state")) return true;
  // A second hint on an instruction that has a function's: they carry the place of the return address (register 16) from that into the hints behind it
  // in the table, and name where two of these meet. Ours names the place that has lost its hint.
  if (isLabel(their) && their.text.endsWith("reg1[16]=-1+0 reg2[16]=-2-8") && isSaid("unreachable-instruction"))
    return true;
  // A function without a type that another one ends in a jump to is none to them: that one has no return then, and they want its callers' code dead.
  if (/missing (a )?__noreturn/.test(their.text) && isSaid("missing-symbol-type")) return true;
  // Functions that share an exit: they name the exit, we the function.
  return isLabel(their) && isSaid(their.rule);
}

/** One verdict for a function and a rule. */
export function compare(
  model: ObjectModel,
  theirs: readonly Said[],
  ours: readonly Said[],
  reports: readonly TheirReport[],
): Verdict[] {
  const verdicts = new Map<string, Verdict>();
  const add = (verdict: Verdict): void => {
    if (!verdicts.has(identity(verdict))) verdicts.set(identity(verdict), verdict);
  };
  const meet = (a: Said, b: Said): boolean =>
    a.functions[0] === ANYWHERE || b.functions[0] === ANYWHERE || a.functions.some((key) => b.functions.includes(key));
  for (const their of theirs) {
    const here = ours.filter((our) => meet(our, their));
    const same = theirs.some(
      (other) =>
        other !== their && other.text === their.text && ours.some((our) => our.rule === other.rule && meet(our, other)),
    );
    const isEcho = (same && their.rule === "stack-state-mismatch" && isLabel(their)) || isToldElsewhere(their, ours);
    if (here.some((our) => our.rule === their.rule)) add({ ...their, by: "both" });
    else if (here.length > 0) add({ ...their, by: "other-rule" });
    else add({ ...their, by: isEcho ? "echo" : "only-theirs" });
  }
  const stopped = new Set(reports.flatMap((report) => model.keysOfName(report.name, report.plus)));
  const fatal = reports.some((report) => report.fatal);
  for (const our of ours) {
    if (theirs.some((their) => their.rule === our.rule && meet(our, their))) continue;
    const masked =
      fatal ||
      our.functions.some((key) => stopped.has(key)) ||
      (our.rule === "unreachable-instruction" && reports.length > 0);
    add({ ...our, by: masked ? "masked" : "only-ours" });
  }
  return [...verdicts.values()];
}
