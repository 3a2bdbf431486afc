// Which of a list's trees is a series for? The one whose base is known best; of two that know it equally well the first.

import { UsageError } from "../base/errors.ts";
import {
  BASE_RULES,
  type BaseChoice,
  chooseBase,
  type FindPrerequisite,
  type SeriesForBase,
} from "../kernel/base-choice.ts";
import type { StateFolder } from "../kernel/state-folder.ts";
import { openTree } from "../kernel/tree.ts";
import type { TreeConfig } from "./config.ts";

export interface TreeChoice {
  readonly tree: TreeConfig;
  readonly choice: Exclude<BaseChoice, { kind: "none" }>;
  /** Sentences for the report. */
  readonly notes: readonly string[];
}

export interface TreeParts {
  readonly state: StateFolder;
  /** In the list's order. */
  readonly trees: readonly TreeConfig[];
  readonly scratch: string;
  readonly findPrerequisite: FindPrerequisite;
  readonly signal: AbortSignal;
}

/** Throws ToolError where git fails; a tree that is not there is passed over and named. */
export async function chooseTree(
  parts: TreeParts,
  series: SeriesForBase,
): Promise<TreeChoice | { readonly none: string; readonly notes: readonly string[] }> {
  const looked: { tree: TreeConfig; choice: BaseChoice }[] = [];
  const notes: string[] = [];
  for (const tree of parts.trees) {
    parts.signal.throwIfAborted();
    try {
      const opened = await openTree(tree.at, parts.state);
      const { scratch, findPrerequisite } = parts;
      const choice = await chooseBase({ tree: opened, branches: tree.branches, findPrerequisite, scratch }, series);
      looked.push({ tree, choice });
      if (choice.kind === "applies" && isCertain(choice)) break;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      notes.push(`tree ${tree.name}: ${error.message}`);
    }
  }
  // Stable: of equals the first stays first.
  const [first] = looked.toSorted((a, b) => compare(a.choice, b.choice));
  if (first === undefined) return { none: notes[0] ?? "no tree is named for the list", notes };
  const { tree, choice } = first;
  notes.push(...choice.notes);
  for (const what of choice.absent) {
    const isSomewhere = looked.some((each) => !each.choice.absent.includes(what));
    notes.push(isSomewhere ? `${what} is not in tree ${tree.name}` : `${what} is not in any tree here`);
  }
  if (choice.kind === "none")
    return { none: looked.map((each) => whyNot(each, parts.trees.length > 1)).join("; "), notes };
  const before = looked.find((each) => each !== first);
  if (tree !== parts.trees[0] && before !== undefined)
    notes.push(
      `tree ${tree.name} was taken before ${before.tree.name}: ${words(choice)}, against ${words(before.choice)}`,
    );
  return { tree, choice, notes };
}

function isCertain(choice: { rule: (typeof BASE_RULES)[number] }): boolean {
  return BASE_RULES.indexOf(choice.rule) < BASE_RULES.indexOf("blobs");
}

/** Negative: `a` is the better one. */
function compare(a: BaseChoice, b: BaseChoice): number {
  const [left, right] = [rank(a), rank(b)];
  const index = left.findIndex((value, i) => value !== right[i]);
  return index < 0 ? 0 : (left[index] as number) - (right[index] as number);
}

function rank(choice: BaseChoice): number[] {
  if (choice.kind === "none") return [2];
  const share = choice.score === undefined ? 1 : choice.score.matched / Math.max(1, choice.score.of);
  return [choice.kind === "conflict" ? 1 : 0, BASE_RULES.indexOf(choice.rule), -share];
}

function words(choice: BaseChoice): string {
  if (choice.kind === "none") return choice.reason;
  return choice.kind === "conflict" ? `a conflict with ${choice.name}` : choice.chosenBy;
}

function whyNot({ tree, choice }: { tree: TreeConfig; choice: BaseChoice }, several: boolean): string {
  return `${several ? `tree ${tree.name}: ` : ""}${choice.kind === "none" ? choice.reason : choice.kind}`;
}
