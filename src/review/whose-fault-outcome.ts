import type { ObjectFinding, TreeFacts } from "../analyze/analyze-object.ts";
import { stableName } from "../analyze/names.ts";
import { type SpokenOf, spokenOf } from "../analyze/spoken-of.ts";
import { FormatError } from "../base/errors.ts";
import { knownDefects } from "../defects/index.ts";
import { openFileSource } from "../kernel/file-source.ts";
import type { ReviewTrial } from "../report/result.ts";
import type { Judged } from "./judge.ts";

// What an object that was compiled in another way says of a finding. "gone" acquits a compiler, so it takes more than silence: the function
// has to be there, looked at, and spoken of by a witness that the finding rests on.

export type Outcome = Pick<ReviewTrial, "outcome" | "why">;

/** Asked for once an object. */
export interface TriedObject {
  readonly judged: Judged;
  readonly spoken: () => SpokenOf | undefined;
}

export function openTried(judged: Judged, facts: TreeFacts): TriedObject {
  let spoken: SpokenOf | undefined;
  let isAsked = false;
  return {
    judged,
    spoken() {
      if (!isAsked) spoken = readSpoken(judged.file, facts);
      isAsked = true;
      return spoken;
    },
  };
}

function readSpoken(file: string, facts: TreeFacts): SpokenOf | undefined {
  const source = openFileSource(file);
  try {
    return spokenOf(source, facts);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  } finally {
    source.close();
  }
}

/** All that is seen in an object, contracts with callers included. */
export function findingsOf({ analysis }: Judged): readonly ObjectFinding[] {
  return [...(analysis?.findings ?? []), ...(analysis?.comparison?.contracts ?? [])];
}

export function outcomeOf(finding: ObjectFinding, { judged, spoken }: TriedObject): Outcome {
  if (judged.analysis === undefined) return unknown(`the object cannot be read: ${judged.error}`);
  const name = stableName(finding.function);
  const own = findingsOf(judged).filter((each) => each.rule === finding.rule && isIn(each, name));
  if (finding.shape !== undefined) {
    // The same, whichever registers it is about: those are the compiler's choice at each turn.
    const alike = own.filter((each) => each.shape === finding.shape);
    if (alike.some((each) => says(each) === says(finding))) return THERE;
    if (alike[0] !== undefined) return { ...THERE, why: `as ${alike[0].message}` };
  }
  const others = own.filter((each) => !isOtherDefect(each));
  const isSame = (each: ObjectFinding) => each.fingerprint === finding.fingerprint || says(each) === says(finding);
  if (others.some(isSame)) return THERE;
  if (others[0] !== undefined) return unknown(`it says something else there: ${others[0].message}`);
  const heard = spoken();
  if (heard === undefined || !heard.hasFunction(name))
    return unknown(`${name}() is not there as a function of its own`);
  const left = judged.analysis.coverage.notes.find(
    (note) => note.function !== undefined && stableName(note.function) === name,
  );
  if (left !== undefined) return unknown(`${name}(): ${left.why}`);
  const witnesses = finding.evidence.map(({ witness }) => witness).filter((witness) => witness !== "instructions");
  const names = [name, ...finding.related.map((each) => each.function)];
  if (witnesses.some((witness) => names.some((each) => heard.speaks(witness, each)))) return { outcome: "gone" };
  return unknown(`no ${witnesses.join(" nor ")} speaks of ${name}() there`);
}

const THERE = { outcome: "there" } as const;

function unknown(why: string): Outcome {
  return { outcome: "unknown", why };
}

/** In the function, in a part or copy of it, or in what it was inlined into. */
function isIn(finding: ObjectFinding, name: string): boolean {
  if (stableName(finding.function) === name) return true;
  return finding.place?.inlineStack.some((frame) => frame.function === name) === true;
}

/** What it says, of whatever function. */
function says({ message, function: name }: ObjectFinding): string {
  return message.split(`${stableName(name)}()`).join("{}");
}

/** A defect of its own that is known of a compiler, and another one than is asked about. */
function isOtherDefect({ rule, shape }: ObjectFinding): boolean {
  return shape !== undefined && knownDefects.some((defect) => defect.rule === rule && defect.shapes.includes(shape));
}
