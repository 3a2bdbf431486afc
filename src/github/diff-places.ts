// Lines of a pull request's diff that a comment may stand on. GitHub refuses a whole review for one line that is not in a hunk
// (422), so this is decided on the same diff: merge base to head, three lines of context.

import type { FileDiff } from "../patch/file-diff.ts";
import type { ReviewFinding } from "../report/result.ts";
import type { Side } from "./payloads.ts";
import { isTransient, type Topic } from "./topics.ts";

export interface DiffPlace {
  /** The new path; of a deleted file the old one. */
  readonly path: string;
  readonly line: number;
  readonly side: Side;
}

/** Line numbers of one side by hunk, as [first, last] of each run without a gap, and which hunk it is of. */
interface Run {
  readonly first: number;
  last: number;
  readonly hunk: number;
}

export class DiffPlaces {
  readonly #right = new Map<string, Run[]>();
  readonly #left = new Map<string, Run[]>();
  /** "path\nline": a line of the new side right behind a hunk that ends in deletions -> the last deleted line. */
  readonly #behindDeletion = new Map<string, number>();
  /** Path -> line -> what stands there on the right side. */
  readonly #text = new Map<string, Map<number, string>>();

  constructor(files: readonly FileDiff[]) {
    for (const file of files) {
      const right = runsOf(this.#right, file.path);
      const left = runsOf(this.#left, file.path);
      const text = this.#text.get(file.path) ?? new Map<number, string>();
      this.#text.set(file.path, text);
      file.hunks.forEach((hunk, n) => {
        for (const line of hunk.lines) {
          // Context has numbers on both sides; comments on it belong to the right one.
          if (line.kind === "-") extend(left, line.oldLine, n);
          else {
            extend(right, line.newLine, n);
            text.set(line.newLine, line.text);
          }
        }
        const end = hunk.lines[hunk.lines.length - 1];
        if (end?.kind !== "-") return;
        const behind = hunk.newStart + hunk.newCount + (hunk.newCount === 0 ? 1 : 0);
        this.#behindDeletion.set(`${file.path}\n${behind}`, end.oldLine);
      });
    }
  }

  /** The diff shows the file, with lines or without (a rename, a mode, a binary). */
  hasFile(path: string): boolean {
    return this.#right.has(path);
  }

  has({ path, line, side }: DiffPlace): boolean {
    return this.#find(path, line, side) !== undefined;
  }

  /** Both lines of the range are in one hunk on the right side, with every line between. */
  hasRange(path: string, from: number, to: number): boolean {
    const first = this.#find(path, from, "RIGHT");
    const last = this.#find(path, to, "RIGHT");
    return first !== undefined && last !== undefined && from <= to && first.hunk === last.hunk;
  }

  /** A line of the right side; undefined where the diff does not show it. */
  textAt(path: string, line: number): string | undefined {
    return this.#text.get(path)?.get(line);
  }

  #find(path: string, line: number, side: Side): Run | undefined {
    const runs = (side === "RIGHT" ? this.#right : this.#left).get(path) ?? [];
    return runs.find((run) => run.first <= line && line <= run.last);
  }

  /**
   * Where a comment on the finding goes: its line, or the nearest line of the diff in the same function that the review chose.
   * Undefined off the diff, and for what is not there at the head any more.
   */
  placeOf(finding: ReviewFinding): DiffPlace | undefined {
    if (isTransient(finding) || finding.file === "") return undefined;
    for (const line of [finding.line, finding.diffLine]) {
      if (line === undefined || line === 0) continue;
      const place: DiffPlace = { path: finding.file, line, side: "RIGHT" };
      if (this.has(place)) return place;
    }
    // What was deleted at the end of a file leaves no line behind it in the hunk: the comment goes on what is gone.
    const deleted = this.#behindDeletion.get(`${finding.file}\n${finding.diffLine ?? finding.line}`);
    return deleted === undefined ? undefined : { path: finding.file, line: deleted, side: "LEFT" };
  }
}

function runsOf(side: Map<string, Run[]>, path: string): Run[] {
  const runs = side.get(path) ?? [];
  side.set(path, runs);
  return runs;
}

function extend(runs: Run[], line: number, hunk: number): void {
  const last = runs[runs.length - 1];
  if (last !== undefined && last.hunk === hunk && last.last + 1 === line) last.last = line;
  else runs.push({ first: line, last: line, hunk });
}

export interface PlacedTopic {
  readonly topic: Topic;
  readonly place: DiffPlace | undefined;
}

export function placeTopics(topics: readonly Topic[], places: DiffPlaces): PlacedTopic[] {
  return topics.map((topic) => ({ topic, place: places.placeOf(topic.finding) }));
}
