import { createHash } from "node:crypto";
import { analyzeObject, type ObjectAnalysis, type TreeFacts } from "../analyze/analyze-object.ts";
import { feedCode } from "../analyze/code-key.ts";
import { type Analyzed, brokenContracts, type Located } from "../analyze/compare.ts";
import type { KnownDefectsOptions } from "../analyze/known-defects.ts";
import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { firstOf, knownReturns, nothingOutside, type Outside } from "../flow/outside.ts";
import type { BuildResult, BuiltObject } from "../kernel/build.ts";
import { openFileSource } from "../kernel/file-source.ts";
import { OUT_MOUNT, SOURCE_MOUNT } from "../kernel/kbuild.ts";
import type { KernelConfig } from "../kernel/kernel-config.ts";
import type { Profile } from "../kernel/profile.ts";
import { readChecks } from "../rules/checks.ts";
import type { ProfileBuild } from "./profile-build.ts";
import type { ReviewRequest } from "./request.ts";

/** One object of one side, looked at. */
export interface Judged {
  readonly object: string;
  readonly file: string;
  /** Digest of its code without debug sections; equal digests are equal code. */
  readonly codeKey: string;
  readonly analysis: ObjectAnalysis | undefined;
  /** Why there is no analysis. */
  readonly error: string | undefined;
}

export interface JudgeOptions {
  readonly facts: TreeFacts;
  readonly config: KernelConfig;
  readonly bodies?: ReadonlyMap<string, boolean> | undefined;
  /** What is known of the objects around it; asked behind `bodies`. */
  readonly outside?: Outside | undefined;
  /** Holds what compiler and assembler say against the code. */
  readonly witnesses?: boolean;
  readonly knownDefects?: KnownDefectsOptions;
  /** It is part of a module. */
  readonly isModule?: boolean;
}

/** What one profile of a review has all its objects judged by. */
export function howToJudge({
  request,
  profile,
  build,
}: {
  readonly request: ReviewRequest;
  readonly profile: Profile;
  readonly build: ProfileBuild;
}): Pick<JudgeOptions, "witnesses" | "knownDefects"> {
  return {
    witnesses: profile.witnesses,
    knownDefects: { show: request.showKnownDefects, compiler: build.prepared.toolchain.compiler },
  };
}

/** Reads and validates one built object. Broken bytes are a result, not an exception. */
export function judgeObject(built: BuiltObject, options: JudgeOptions): Judged {
  const base = { object: built.object, file: built.file };
  const source = openFileSource(built.file);
  try {
    const codeKey = digestCode(source);
    const analysis = analyzeObject(source, {
      facts: options.facts,
      outside: firstOf(knownReturns(options.bodies ?? new Map()), options.outside ?? nothingOutside),
      checks: { ...readChecks(options.config.values, "configuration of the build"), module: options.isModule === true },
      forComparison: true,
      witnesses: options.witnesses === true,
      knownDefects: options.knownDefects ?? {},
      stripPrefixes: [SOURCE_MOUNT, OUT_MOUNT],
    });
    return { ...base, codeKey, analysis, error: undefined };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { ...base, codeKey: "", analysis: undefined, error: error.message };
  } finally {
    source.close();
  }
}

/** What is known of other objects by the object that is judged, in one state of the series. */
export type OutsideOf = (object: string) => Outside | undefined;

/**
 * Everything that was built of one state. Others get their turn between two objects: a build that runs meanwhile has to be watched.
 * @param modules those of the objects that are parts of modules
 */
export async function judgeAll(
  result: BuildResult,
  options: JudgeOptions,
  outsideOf: OutsideOf,
  modules: ReadonlySet<string>,
): Promise<Map<string, Judged>> {
  const judged = new Map<string, Judged>();
  for (const [object, built] of result.built) {
    judged.set(object, judgeObject(built, { ...options, outside: outsideOf(object), isModule: modules.has(object) }));
    await new Promise(setImmediate);
  }
  return judged;
}

/** Digest of an object's code, without debug sections. Throws FormatError. */
export function digestCode(source: ByteSource): string {
  const hash = createHash("sha256");
  feedCode(source, (bytes) => hash.update(bytes));
  return hash.digest("hex");
}

/** Digest of the code alone, for objects whose analysis may not be needed. "" for bytes that are no object. */
export function codeKeyOf(file: string): string {
  const source = openFileSource(file);
  try {
    return digestCode(source);
  } catch (error) {
    if (error instanceof FormatError) return "";
    throw error;
  } finally {
    source.close();
  }
}

/** Findings of `head`, with the contracts that `base` kept and it does not. */
export function locateAgainst(base: Iterable<Judged>, head: Iterable<Judged>): Located[] {
  const heads = [...head];
  return [...locate(heads), ...brokenContracts(analyzed(base), analyzed(heads))];
}

function analyzed(judged: Iterable<Judged>): Analyzed[] {
  return [...judged].flatMap(({ object, analysis }) => (analysis === undefined ? [] : [{ object, analysis }]));
}

export function locate(judged: Iterable<Judged>): Located[] {
  return [...judged].flatMap((j) => (j.analysis?.findings ?? []).map((finding) => ({ object: j.object, finding })));
}
