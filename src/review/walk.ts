import type { ObjectFinding } from "../analyze/analyze-object.ts";
import type { Compared, Located } from "../analyze/compare.ts";
import { compareFindings } from "../analyze/compare.ts";
import type { Diagnostic } from "../kernel/build-errors.ts";
import type { Judged } from "./judge.ts";
import { locate, locateAgainst } from "./judge.ts";
import { foldCallers } from "./lost-returns.ts";

// Which patch brought a finding, and which took it away again. An object that one patch of the series affects needs no walk: its state
// behind that patch is the tip's. Only objects that several patches affect are built in between.

/** An object behind one patch of the series. */
export interface ObjectState {
  /** 0-based index of the patch. */
  readonly patch: number;
  /** Undefined: it does not compile there. */
  readonly judged: Judged | undefined;
  /** The compiler's first error where it does not. */
  readonly error?: Diagnostic | undefined;
}

export interface History {
  /** Patches that affect the object, 0-based, in order; empty where the walk was left out, so that no patch can be named. */
  readonly patches: readonly number[];
  /** States behind all of them but the last, as far as they were built. */
  readonly between: readonly ObjectState[];
}

export interface Blamed {
  readonly compared: Compared;
  /** 0-based; undefined for what the series did not bring. */
  readonly patch: number | undefined;
  /** Of a finding that the tip does not have any more. */
  readonly repairedBy: number | undefined;
  /** Object that it was seen in, for excerpts and the picture. */
  readonly seenIn: Judged | undefined;
  /** 0-based index of the last patch of the state that it was seen in. */
  readonly state: number;
}

/** Names the patch of every new finding of the tip, and finds those that came and went within the series. */
export function blame(
  base: ReadonlyMap<string, Judged>,
  head: ReadonlyMap<string, Judged>,
  histories: ReadonlyMap<string, History>,
  lastPatch: number,
): Blamed[] {
  const all = compareFindings(locate(base.values()), locateAgainst(base.values(), head.values()));
  const { told: tip, folded } = foldCallers(all, head);
  const speaks = (c: Compared): boolean => c.class === "new" || c.class === "worsened";
  const result: Blamed[] = [];
  /** object -> patch -> fingerprints that are new behind it */
  const newBehind = new Map<string, Map<number, Map<string, { compared: Compared; judged: Judged }>>>();
  for (const [object, history] of histories) {
    const byPatch = new Map<number, Map<string, { compared: Compared; judged: Judged }>>();
    for (const { patch, judged } of history.between) {
      if (judged === undefined) continue;
      const before = base.get(object);
      const then = before === undefined ? [] : locate([before]);
      const compared = compareFindings(then, locateAgainst(base.values(), [judged])).filter(speaks);
      byPatch.set(patch, new Map(compared.map((c) => [c.finding.fingerprint, { compared: c, judged }])));
    }
    newBehind.set(object, byPatch);
  }
  const atTip = new Set(folded.map(keyOf));
  for (const compared of tip) {
    const judged = compared.class === "fixed" ? base.get(compared.object) : head.get(compared.object);
    let patch: number | undefined;
    if (speaks(compared)) {
      atTip.add(keyOf(compared));
      patch = firstPatch(histories.get(compared.object), newBehind.get(compared.object), compared.finding);
    }
    result.push({ compared, patch, repairedBy: undefined, seenIn: judged, state: lastPatch });
  }
  for (const [object, byPatch] of newBehind) {
    const told = new Set<string>();
    const patches = (histories.get(object) as History).patches;
    for (const [patch, found] of [...byPatch].sort((a, b) => a[0] - b[0])) {
      for (const [fingerprint, { compared, judged }] of found) {
        if (atTip.has(keyOf(compared)) || told.has(fingerprint)) continue;
        told.add(fingerprint);
        const repairedBy = patches.find((p) => p > patch && byPatch.get(p)?.has(fingerprint) !== true);
        result.push({ compared, patch, repairedBy, seenIn: judged, state: patch });
      }
    }
  }
  return result;
}

function keyOf(located: Located): string {
  return `${located.object}\n${located.finding.fingerprint}`;
}

/** The first patch that affects the object and has the finding behind it, without a gap up to the tip. */
function firstPatch(
  history: History | undefined,
  byPatch: ReadonlyMap<number, ReadonlyMap<string, unknown>> | undefined,
  finding: ObjectFinding,
): number | undefined {
  let first = history?.patches.at(-1);
  for (const patch of [...(history?.patches ?? [])].reverse().slice(1)) {
    const found = byPatch?.get(patch);
    // A state that does not compile, or was not built, tells nothing.
    if (found === undefined) continue;
    if (!found.has(finding.fingerprint)) break;
    first = patch;
  }
  return first;
}

/** The first patch behind which an object that the tip cannot build does not build, without a gap. */
export function firstBreaking(history: History | undefined): number | undefined {
  let first = history?.patches.at(-1);
  for (const { patch, judged } of [...(history?.between ?? [])].sort((a, b) => b.patch - a.patch)) {
    if (judged !== undefined) break;
    first = patch;
  }
  return first;
}

export interface BrokenBetween {
  readonly object: string;
  /** 0-based: it does not compile behind `patch`, and does again behind `repairedBy`. */
  readonly patch: number;
  readonly repairedBy: number;
  readonly error: Diagnostic | undefined;
  /** All patches behind which it does not compile. */
  readonly patches: readonly number[];
}

/** Objects that the tip builds and some patch before it does not. */
export function findBrokenBetween(histories: ReadonlyMap<string, History>): BrokenBetween[] {
  const result: BrokenBetween[] = [];
  for (const [object, { patches, between }] of histories) {
    const bad = between.filter((state) => state.judged === undefined).sort((a, b) => a.patch - b.patch);
    const first = bad[0];
    if (first === undefined) continue;
    const isBad = new Set(bad.map((state) => state.patch));
    const repairedBy = patches.find((patch) => patch > first.patch && !isBad.has(patch));
    if (repairedBy === undefined) continue;
    result.push({ object, patch: first.patch, repairedBy, error: first.error, patches: [...isBad] });
  }
  return result;
}
