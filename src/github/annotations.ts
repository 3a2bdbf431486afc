// Annotations of a check run: every finding that has a line of the head, the gravest first, then what the compiler says. They are shown
// as plain text.

import { findingLines } from "../report/finding-text.ts";
import type { ReviewResult } from "../report/result.ts";
import { safeProse } from "../report/safe.ts";
import { messageOf } from "../report/sentences.ts";
import { plural } from "../report/wrap.ts";
import { withKnownFix } from "./known-fix.ts";
import { ANNOTATIONS_PER_CALL, MAX_ANNOTATION_BYTES, MAX_ANNOTATION_TITLE } from "./limits.ts";
import type { Annotation, AnnotationLevel } from "./payloads.ts";
import { byGravity, isTransient, type Topic } from "./topics.ts";

const LEVEL = { error: "failure", warning: "warning", note: "notice" } as const satisfies Record<
  string,
  AnnotationLevel
>;

/** At most `max` bytes of UTF-8, cut at a line end where there is one, so that no character is halved. */
export function clipBytes(text: string, max: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= max) return text;
  const cut = new TextDecoder().decode(bytes.subarray(0, max - 4)).replace(/\ufffd+$/, "");
  const line = cut.lastIndexOf("\n");
  return `${line > 0 ? cut.slice(0, line) : cut}\n...`;
}

function clipUnits(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text
    .slice(0, max - 3)
    .toWellFormed()
    .replace(/\ufffd$/, "")}...`;
}

function annotationOf(topic: Topic, result: ReviewResult): Annotation {
  const { finding, others } = topic;
  // The API wants a line of at least 1; a file without a known line is annotated at its top.
  const line = Math.max(1, finding.line);
  const unknown = finding.line === 0 ? " The compiler gave no line." : "";
  const more = others.length === 0 ? "" : ` (and ${plural(others.length, "more place")} like it)`;
  const consequence = safeProse(finding.consequence);
  return {
    path: finding.file,
    start_line: line,
    end_line: line,
    annotation_level: LEVEL[finding.severity],
    title: clipUnits(messageOf(finding), MAX_ANNOTATION_TITLE),
    // An empty message is refused.
    message: clipBytes(
      `${consequence === "" ? `${messageOf(finding)}.` : consequence}${unknown} [${safeProse(finding.rule, 60)}]${more}`,
      MAX_ANNOTATION_BYTES,
    ),
    raw_details: clipBytes(findingLines(withKnownFix(finding), result).join("\n"), MAX_ANNOTATION_BYTES),
  };
}

/** A path of the kernel's tree: relative and inside of it. Generated files and headers of the compiler have others. */
function isInTree(path: string): boolean {
  return path.length <= 400 && /^[\w.+,@=~%-]+(\/[\w.+,@=~%-]+)*$/.test(path) && !/(^|\/)\.{1,2}(\/|$)/.test(path);
}

/** The first error of a head that does not build. */
function brokenAnnotation({ broken, verdict }: ReviewResult): Annotation[] {
  if (verdict !== "broken" || broken === undefined || broken.repairedBy !== undefined || !isInTree(broken.file))
    return [];
  return [compilerAnnotation(broken.file, broken.line, "failure", "It does not build", broken.error, broken.profile)];
}

function warningAnnotations(result: ReviewResult): Annotation[] {
  return result.compilerWarnings
    .filter(({ file, line }) => line > 0 && isInTree(file))
    .map(({ file, line, text, profile }) =>
      compilerAnnotation(file, line, "notice", "New compiler warning", text, profile),
    );
}

function compilerAnnotation(
  path: string,
  line: number,
  level: AnnotationLevel,
  title: string,
  text: string,
  profile: string,
): Annotation {
  const at = Math.max(1, line);
  const message = `${safeProse(text)} [${safeProse(profile, 60)}]`;
  return { path, start_line: at, end_line: at, annotation_level: level, title, message };
}

export interface Annotated {
  readonly annotations: readonly Annotation[];
  /** Topics without one: beyond `max`, or without a place in the head. */
  readonly leftOut: number;
}

/** `max`: annotations of the whole run, from the repository's configuration. */
export function annotate(topics: readonly Topic[], result: ReviewResult, max: number): Annotated {
  const placed = byGravity(topics).filter(({ finding }) => !isTransient(finding) && isInTree(finding.file));
  const told = placed.slice(0, max).map((topic) => annotationOf(topic, result));
  const compiler = [...brokenAnnotation(result), ...warningAnnotations(result)].slice(0, max - told.length);
  return { annotations: [...told, ...compiler], leftOut: topics.length - told.length };
}

/** Batches that one request each takes. */
export function batches(annotations: readonly Annotation[]): Annotation[][] {
  const all: Annotation[][] = [];
  for (let at = 0; at < annotations.length; at += ANNOTATIONS_PER_CALL) {
    all.push(annotations.slice(at, at + ANNOTATIONS_PER_CALL));
  }
  return all;
}
