// From what stands on the pull request and what the review found: what to post, what to edit, what to leave. The plan is a function
// of the two alone, so that it can be made again after any crash, and made again it is empty.

import type { ReviewFix, ReviewResult } from "../report/result.ts";
import { plural } from "../report/wrap.ts";
import { closedBody, commentBody, fixedWords, type Links, saysHash } from "./comment-text.ts";
import type { RepositoryConfig } from "./config.ts";
import type { DiffPlace, DiffPlaces } from "./diff-places.ts";
import { knownFix } from "./known-fix.ts";
import { prose } from "./markdown.ts";
import { readSummaryMarker, readTopicMarker, type TopicMarker } from "./marker.ts";
import type { ReviewBody, ReviewComment } from "./payloads.ts";
import { summaryBody } from "./summary-text.ts";
import { byGravity, couldSee, isTransient, reaches, type Topic, topicsOf } from "./topics.ts";

/** A comment of our own account; others are never given to the planner. */
export interface PostedComment {
  readonly id: number;
  readonly kind: "line" | "conversation";
  readonly body: string;
  /** Somebody else answered in its thread. */
  readonly hasReplies: boolean;
}

export interface PlanInput {
  readonly result: ReviewResult;
  readonly headSha: string;
  readonly places: DiffPlaces;
  readonly config: RepositoryConfig;
  readonly links: Links;
  readonly posted: readonly PostedComment[];
  /** Topic key -> who waives it and why. */
  readonly waivers?: ReadonlyMap<string, { readonly by: string; readonly reason: string }>;
  /** Topics told on a line at some time, by our own records: where a person has deleted the comment, it is not posted again. */
  readonly told?: ReadonlySet<string>;
  /** Topics whose line GitHub refused (422): told in the summary instead. */
  readonly refused?: ReadonlySet<string>;
  /** False: nobody reads commands in comments, so that the summary names none. */
  readonly answersCommands?: boolean;
}

export interface Edit {
  readonly id: number;
  readonly kind: PostedComment["kind"];
  readonly body: string;
}

export interface Removal {
  readonly id: number;
  readonly kind: PostedComment["kind"];
}

/** In the order in which the calls are made; each part may be empty. */
export interface Plan {
  readonly review: ReviewBody | undefined;
  /** Keys of the topics that the review's comments tell, in their order. */
  readonly reviewKeys: readonly string[];
  readonly edits: readonly Edit[];
  /** Second copies of our own without an answer, left by a crash between a call and its record. */
  readonly removals: readonly Removal[];
  /** Body of a new conversation comment. */
  readonly newSummary: string | undefined;
}

interface Told {
  readonly comment: PostedComment;
  readonly marker: TopicMarker;
}

function readPosted(posted: readonly PostedComment[]): Told[] {
  return posted
    .filter((comment) => comment.kind === "line")
    .flatMap((comment) => {
      const marker = readTopicMarker(comment.body);
      return marker === undefined ? [] : [{ comment, marker }];
    })
    .sort((a, b) => a.comment.id - b.comment.id);
}

/** Topic key -> the change that the review built and checked again, as far as it is of a form that may be offered. */
function fixesOf(topics: readonly Topic[], { config, places }: PlanInput): ReadonlyMap<string, ReviewFix> {
  if (!config.comment.suggestions) return new Map();
  return new Map(
    topics.flatMap(({ key, finding }): [string, ReviewFix][] => {
      const fix = knownFix(finding, places);
      return fix === undefined ? [] : [[key, fix]];
    }),
  );
}

export function planPosts(input: PlanInput): Plan {
  const { result, config, places } = input;
  const topics = topicsOf(result);
  const waivers = input.waivers ?? new Map<string, { by: string; reason: string }>();
  const open = topics.filter(({ key }) => !waivers.has(key));
  // What a later patch repairs is not there at the head: a comment of an earlier push is done, the summary tells the rest.
  const openByKey = new Map(open.filter(({ finding }) => !isTransient(finding)).map((topic) => [topic.key, topic]));
  const told = readPosted(input.posted);

  const edits: Edit[] = [];
  const removals: Removal[] = [];
  /** Keys with a comment that stays open. */
  const standing = new Map<string, Told>();
  let fixed = 0;
  for (const each of told) {
    const { comment, marker } = each;
    if (marker.state === "fixed") fixed++;
    if (marker.state !== "open") continue;
    const edit = (state: "fixed" | "waived" | "repeated", words: string) =>
      edits.push({ id: comment.id, kind: comment.kind, body: closedBody(comment.body, state, words) });
    const waiver = waivers.get(marker.key);
    if (standing.has(marker.key)) {
      if (comment.hasReplies) edit("repeated", "Said above already.");
      else removals.push({ id: comment.id, kind: comment.kind });
    } else if (waiver !== undefined) {
      edit("waived", `Waived by ${prose(waiver.by, 60)}: ${prose(waiver.reason, 300)}`);
    } else if (!openByKey.has(marker.key) && couldSee(result, marker.object, marker.function)) {
      edit("fixed", fixedWords(input.headSha));
      fixed++;
    } else standing.set(marker.key, each);
  }

  const fixes = fixesOf(open, input);
  const room = Math.max(0, config.limits.comments - standing.size);
  const wanted = byGravity(open)
    .filter((topic) => !standing.has(topic.key) && input.told?.has(topic.key) !== true)
    .filter(
      (topic) => reaches(topic.finding.severity, config.comment.severity) && input.refused?.has(topic.key) !== true,
    )
    .flatMap((topic) => {
      const place = commentPlace(topic, places, fixes.get(topic.key));
      return place === undefined ? [] : [{ topic, ...place }];
    })
    .slice(0, room);
  const comments = wanted.map(({ topic, place, from, fixIsOnDiff }): ReviewComment => {
    const fix = fixes.get(topic.key);
    const body = commentBody({ topic, place, result, links: input.links, fix, fixIsOnDiff });
    return { ...place, ...(from === undefined ? {} : { start_line: from, start_side: place.side }), body };
  });

  // What a standing comment says may have changed (worse now, another message): the text follows, and nobody is notified.
  for (const [key, { comment, marker }] of standing) {
    const topic = openByKey.get(key);
    if (topic === undefined) continue;
    // With the change that it may offer, or without: a suggestion belongs to the lines of its comment and is never added later.
    if ([undefined, fixes.get(key)].some((fix) => saysHash(topic, fix) === marker.says)) continue;
    const place = places.placeOf(topic.finding) ?? {
      path: topic.finding.file,
      line: topic.finding.line,
      side: "RIGHT",
    };
    edits.push({
      id: comment.id,
      kind: "line",
      body: commentBody({ topic, place, result, links: input.links, fix: undefined }),
    });
  }

  const onLine = new Set([...standing.keys(), ...wanted.map(({ topic }) => topic.key)]);
  const untold = open.filter(({ key }) => !onLine.has(key));
  const summary = planSummary(input, {
    result,
    headSha: input.headSha,
    links: input.links,
    untold,
    onLines: onLine.size,
    fixed,
    waived: topics.length - open.length,
    answersCommands: input.answersCommands !== false,
  });
  return {
    review:
      comments.length === 0
        ? undefined
        : { commit_id: input.headSha, event: "COMMENT", body: reviewWords(comments.length, untold.length), comments },
    reviewKeys: wanted.map(({ topic }) => topic.key),
    edits: [...edits, ...summary.edits],
    removals: [...removals, ...summary.removals],
    newSummary: summary.body,
  };
}

/** GitHub asks for a body with the event COMMENT. */
function reviewWords(count: number, untold: number): string {
  const rest = untold === 0 ? "" : ` ${untold} more in the summary comment and the check.`;
  return `${plural(count, "finding")} in the object code, on ${count === 1 ? "its line" : "their lines"}.${rest}`;
}

interface CommentPlace {
  readonly place: DiffPlace;
  readonly from: number | undefined;
  readonly fixIsOnDiff: boolean;
}

/** A suggestion replaces the lines that its comment stands on, so that it takes the comment to them. */
function commentPlace(topic: Topic, places: DiffPlaces, fix: ReviewFix | undefined): CommentPlace | undefined {
  if (fix !== undefined && fix.path === topic.finding.file && places.hasRange(fix.path, fix.from, fix.to)) {
    return {
      place: { path: fix.path, line: fix.to, side: "RIGHT" },
      from: fix.from === fix.to ? undefined : fix.from,
      fixIsOnDiff: true,
    };
  }
  const place = places.placeOf(topic.finding);
  return place === undefined ? undefined : { place, from: undefined, fixIsOnDiff: false };
}

/** Verdicts that say that nothing is wrong with the change: the first of them needs no comment. */
function isQuiet(result: ReviewResult, untold: readonly Topic[]): boolean {
  const weakens = (result.weakened ?? []).length > 0;
  const speaks = !["clean", "applied", "superseded", "cancelled"].includes(result.verdict);
  return !weakens && !speaks && untold.length === 0;
}

/** A pull request's summary of a review that is not over or was dropped is left as it is. */
const UNFINISHED = new Set(["queued", "applying", "building", "analysing", "superseded", "cancelled"]);

function planSummary(
  input: PlanInput,
  content: Parameters<typeof summaryBody>[0],
): { body: string | undefined; edits: Edit[]; removals: Removal[] } {
  const own = input.posted
    .filter(({ kind, body }) => kind === "conversation" && readSummaryMarker(body) !== undefined)
    .sort((a, b) => a.id - b.id);
  const removals = own.slice(1).map(({ id, kind }) => ({ id, kind }));
  const first = own[0];
  const silent = !input.config.comment.summary || UNFINISHED.has(input.result.verdict);
  if (silent || (first === undefined && isQuiet(input.result, content.untold))) {
    return { body: undefined, edits: [], removals };
  }
  const body = summaryBody(content);
  if (first === undefined) return { body, edits: [], removals };
  const isSame = readSummaryMarker(first.body) === readSummaryMarker(body);
  return { body: undefined, edits: isSame ? [] : [{ id: first.id, kind: first.kind, body }], removals };
}
