// What a series from a mailing list is applied to. In this order: the commit that its prerequisites stand on, its base-commit, a commit that its text
// says it is based on, the commit whose files have the blobs that the diffs' index lines name, and the list's branches, the first where it applies.

import { UsageError } from "../base/errors.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { Prerequisite } from "../patch/message.ts";
import { type BlobGuess, guessBase, wantedBlobs } from "./base-guess.ts";
import type { Tree } from "./tree.ts";
import { tryApply } from "./trial-apply.ts";

/** From the strongest to the weakest; "asked": somebody named it in a command. */
export const BASE_RULES = ["asked", "prerequisite-base-commit", "base-commit", "based-on", "blobs", "branch"] as const;
export type BaseRule = (typeof BASE_RULES)[number];

export interface MailedPatch {
  readonly messageId: string | undefined;
  /** What git is given, see renderGitMail. */
  readonly mail: Uint8Array;
  readonly files: readonly FileDiff[];
}

export interface SeriesForBase {
  /** In order. */
  readonly patches: readonly MailedPatch[];
  /** A revision that somebody asked for. */
  readonly asked?: string | undefined;
  readonly baseCommit?: string | undefined;
  /** Commits that its text says it is based on, see readBasedOn. */
  readonly basedOn: readonly string[];
  readonly prerequisites: readonly Prerequisite[];
  /** When it was written. */
  readonly date: Date;
}

/** Patches that a prerequisite stands for, in order; undefined: they are not among the mails that are here. */
export type FindPrerequisite = (prerequisite: Prerequisite) => Promise<readonly MailedPatch[] | undefined>;

export interface BlobScore {
  /** Files of the series whose blob the commit has, of those that it changes and did not make itself. */
  readonly matched: number;
  readonly of: number;
}

/** The commit, how it was found, and what stands between it and the series. */
export interface FoundBase {
  /** Full id of the commit that people know. */
  readonly commit: string;
  /** "v6.12.117", "next/master", "v6.12-41-g0123456789ab" */
  readonly name: string;
  readonly rule: BaseRule;
  /** For the report: "your base-commit trailer", "4 of 4 blobs match v6.12.117". */
  readonly chosenBy: string;
  readonly score?: BlobScore | undefined;
  /** What is applied first: `commit` with the prerequisites on it, or `commit`. It is in the tree's store. */
  readonly start: string;
  /** Message-IDs of what is applied first, in order. */
  readonly prerequisites: readonly string[];
  /** Sentences for the report: a prerequisite that was not found, a base-commit that it does not apply to. */
  readonly notes: readonly string[];
  /** Commits that the mails name as base and this repository does not have: "your base-commit 0123456789ab". */
  readonly absent: readonly string[];
}

export type BaseChoice =
  | ({ readonly kind: "applies" } & FoundBase)
  /** Each patch is in there. */
  | ({ readonly kind: "already-upstream" } & FoundBase)
  /** It applies nowhere; this is the best base there is, and `patch` (index) does not fit in `files`. */
  | ({ readonly kind: "conflict"; readonly patch: number; readonly files: readonly string[] } & FoundBase & {
        readonly message: string;
      })
  | {
      readonly kind: "none";
      readonly reason: string;
      readonly notes: readonly string[];
      readonly absent: readonly string[];
    };

export interface BaseParts {
  readonly tree: Tree;
  /** Tried in this order where nothing else says the base. */
  readonly branches: readonly string[];
  readonly findPrerequisite: FindPrerequisite;
  /** A folder for small files. */
  readonly scratch: string;
}

const MAX_PREREQUISITES = 200;
const SHOWN_PREREQUISITES = 3;
/** Of a guess with fewer matches than that the branches' order is the better one. */
const LEAST_SHARE = 0.5;

/** Commits that a text says it is based on: "based on <40 hex digits>", also with a branch's name between, at most three. */
export function readBasedOn(text: string): string[] {
  const found = new Set<string>();
  for (const match of text.matchAll(/\bbased (?:up)?on(?::|\b)[^\n]{0,120}?\b([0-9a-f]{40})\b/gi)) {
    found.add((match[1] as string).toLowerCase());
    if (found.size === 3) break;
  }
  return [...found];
}

/** What the series is applied to in this tree. Throws ToolError where git fails. */
export async function chooseBase(parts: BaseParts, series: SeriesForBase): Promise<BaseChoice> {
  return new Choosing(parts, series).choose();
}

interface Candidate {
  readonly commit: string;
  readonly rule: BaseRule;
  readonly name?: string;
  readonly words: (name: string) => string;
  readonly score?: BlobScore;
}

type Decided = Exclude<BaseChoice, { kind: "none" }>;

class Choosing {
  readonly #parts: BaseParts;
  readonly #series: SeriesForBase;
  readonly #notes: string[] = [];
  readonly #absent: string[] = [];
  readonly #before: MailedPatch[] = [];
  /** The strongest that it does not apply to. */
  #failed: Extract<BaseChoice, { kind: "conflict" }> | undefined;

  constructor(parts: BaseParts, series: SeriesForBase) {
    this.#parts = parts;
    this.#series = series;
  }

  async choose(): Promise<BaseChoice> {
    const { asked } = this.#series;
    await this.#findPrerequisites();
    if (asked !== undefined) {
      const found = await this.#resolve(asked);
      if (found === undefined) return this.#none(`there is no commit ${JSON.stringify(asked)} in the tree`);
      const words = () => `as asked by base=${asked}`;
      return this.#end(await this.#decide({ commit: found.commit, name: found.name, rule: "asked", words }));
    }
    for (const candidate of await this.#named()) {
      const decided = await this.#decide(candidate);
      if (decided.kind !== "conflict") return this.#end(decided);
      this.#notes.push(`the series does not apply to ${candidate.words(decided.name)} (${decided.name})`);
    }
    const guessed = await this.#guess();
    if (guessed !== undefined) return this.#end(guessed);
    for (const branch of this.#parts.branches) {
      const found = await this.#resolve(branch);
      if (found === undefined) {
        this.#notes.push(`the tree has no branch ${branch}`);
        continue;
      }
      const words = () => "the first branch that it applies to";
      const decided = await this.#decide({ commit: found.commit, name: found.name, rule: "branch", words });
      if (decided.kind !== "conflict") return this.#end(decided);
    }
    return this.#end(this.#failed);
  }

  #none(reason: string): BaseChoice {
    return { kind: "none", reason, notes: this.#notes, absent: this.#absent };
  }

  /** With all that was noticed until now, also after it was decided. */
  #end(decided: Decided | undefined): BaseChoice {
    if (decided === undefined) return this.#none("none of the branches is in the tree");
    return { ...decided, notes: [...this.#notes], absent: [...this.#absent] };
  }

  /** Each once, in the order of the trailers, without the patches of the series itself. */
  async #findPrerequisites(): Promise<void> {
    const seen = new Set<string | undefined>(this.#series.patches.map(({ messageId }) => messageId));
    const wanted = this.#series.prerequisites.filter(({ kind }) => kind !== "base-commit").slice(0, MAX_PREREQUISITES);
    const missing: Prerequisite[] = [];
    for (const prerequisite of wanted) {
      const found = await this.#parts.findPrerequisite(prerequisite);
      if (found === undefined) missing.push(prerequisite);
      for (const patch of found ?? []) {
        if (patch.messageId !== undefined && seen.has(patch.messageId)) continue;
        seen.add(patch.messageId);
        this.#before.push(patch);
      }
    }
    // b4 names a series by its change-id, and then each of its patches once more.
    const ids = missing.some(({ kind }) => kind === "patch-id") ? await this.#patchIds() : new Set<string>();
    const absent = missing.filter(({ kind, value }) => kind !== "patch-id" || !ids.has(value));
    const shown = absent.slice(0, SHOWN_PREREQUISITES).map(({ kind, value }) => `${kind} ${shorten(value)}`);
    const more = absent.length - shown.length;
    const words = `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    if (absent.length > 0) this.#notes.push(`prerequisite${absent.length > 1 ? "s" : ""} ${words} not found`);
  }

  /** git-patch-id(1), --stable, of the prerequisites that are here. */
  async #patchIds(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (const { mail } of this.#before) {
      const listed = await this.#parts.tree.git.run(["patch-id", "--stable"], { input: mail });
      for (const line of listed.stdout.split("\n")) if (line !== "") ids.add(line.slice(0, line.indexOf(" ")));
    }
    return ids;
  }

  /** Candidates that the mails name, as far as the repository has them. */
  async #named(): Promise<Candidate[]> {
    const { prerequisites, baseCommit, basedOn } = this.#series;
    const named = [
      ...prerequisites
        .filter(({ kind }) => kind === "base-commit")
        .map(({ value }) => ({
          rule: "prerequisite-base-commit" as const,
          value,
          what: "your prerequisite-base-commit",
        })),
      ...(baseCommit === undefined
        ? []
        : [{ rule: "base-commit" as const, value: baseCommit, what: "your base-commit" }]),
      ...basedOn.map((value) => ({ rule: "based-on" as const, value, what: "the commit that your text is based on" })),
    ];
    const candidates: Candidate[] = [];
    for (const { rule, value, what } of named) {
      if (candidates.some(({ commit }) => commit === value)) continue;
      const found = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(value) ? await this.#resolve(value) : undefined;
      if (found === undefined) this.#absent.push(`${what} ${shorten(value)}`);
      else candidates.push({ commit: found.commit, name: found.name, rule, words: () => what });
    }
    return candidates;
  }

  async #guess(): Promise<Decided | undefined> {
    const { tree, branches } = this.#parts;
    const { patches, date } = this.#series;
    const guess = (before: readonly MailedPatch[]): Promise<BlobGuess | undefined> =>
      guessBase(tree, branches, wantedBlobs([...before, ...patches]), date);
    let found = await guess(this.#before);
    // The prerequisites may have been taken by then.
    const isWhole = (each: BlobGuess | undefined): boolean =>
      each !== undefined && each.score.matched === each.score.of;
    if (this.#before.length > 0 && !isWhole(found)) {
      const without = await guess([]);
      if (isWhole(without)) found = without;
    }
    if (found === undefined || found.score.matched < found.score.of * LEAST_SHARE) return undefined;
    const { commit, score } = found;
    const words = (name: string): string => `${score.matched} of ${score.of} blobs match ${name}`;
    const decided = await this.#decide({ commit, rule: "blobs", words, score });
    return decided.kind === "conflict" ? undefined : decided;
  }

  /** With the prerequisites, or without them where it applies without them alone. */
  async #decide(candidate: Candidate): Promise<Decided> {
    const { tree, scratch } = this.#parts;
    const { commit, rule, score } = candidate;
    const name = await this.#nameOf(candidate);
    const attempt = async (before: readonly MailedPatch[]): Promise<Decided> => {
      const tried = await tryApply(tree, commit, [...before, ...this.#series.patches], scratch);
      const isThere = new Set(tried.kind === "applied" ? tried.alreadyThere : []);
      const applied = before.filter((_, index) => !isThere.has(index));
      const found: FoundBase = {
        commit,
        name,
        rule,
        chosenBy: candidate.words(name),
        score,
        start: tried.kind === "applied" ? (tried.commits[before.length - 1] ?? commit) : commit,
        prerequisites: applied.flatMap(({ messageId }) => messageId ?? []),
        notes: [],
        absent: [],
      };
      if (tried.kind === "conflict") {
        const patch = tried.patch - before.length;
        const message = patch < 0 ? `a prerequisite does not apply: ${tried.message}` : tried.message;
        return {
          ...found,
          kind: "conflict",
          patch: Math.max(0, patch),
          files: tried.files,
          message,
          prerequisites: [],
        };
      }
      const isUpstream = this.#series.patches.every((_, index) => isThere.has(before.length + index));
      return { ...found, kind: isUpstream ? "already-upstream" : "applies" };
    };
    let decided = await attempt(this.#before);
    if (decided.kind === "conflict" && this.#before.length > 0) {
      const without = await attempt([]);
      if (without.kind !== "conflict") {
        this.#notes.push(`its prerequisites do not apply to ${name}, the series does without them`);
        decided = without;
      }
    }
    if (decided.kind === "conflict") this.#failed ??= decided;
    return decided;
  }

  async #resolve(rev: string): Promise<{ commit: string; name: string } | undefined> {
    try {
      return await this.#parts.tree.resolve(rev);
    } catch (error) {
      if (error instanceof UsageError) return undefined;
      throw error;
    }
  }

  /** A branch's name where the commit is its tip, else the tag, else as git describes it. */
  async #nameOf({ commit, name }: Candidate): Promise<string> {
    if (name !== undefined) return name;
    const described = (await this.#resolve(commit))?.name ?? shorten(commit);
    if (!/-g[0-9a-f]{12,}$|^[0-9a-f]{12,}$/.test(described)) return described;
    for (const branch of this.#parts.branches) {
      const found = branch === "HEAD" ? undefined : await this.#resolve(branch);
      if (found?.commit === commit) return branch;
    }
    return described;
  }
}

/** Object names as people quote them. */
function shorten(value: string): string {
  return /^[0-9a-f]{40,64}$/.test(value) ? value.slice(0, 12) : value.slice(0, 120);
}
