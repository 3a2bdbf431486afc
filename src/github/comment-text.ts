// The body of one review comment. The first line alone is enough to decide; the rest folds away.

import { faultSentence } from "../report/fault-text.ts";
import { pathRows } from "../report/finding-text.ts";
import { fixDiff, fixPlace } from "../report/fix-text.ts";
import { isChangeBehind, MAX_HUNK_LINES } from "../report/hunk-text.ts";
import type { ReviewFinding, ReviewFix, ReviewResult, ReviewStep } from "../report/result.ts";
import { safeProse } from "../report/safe.ts";
import { messageOf, patchNumber } from "../report/sentences.ts";
import { asmWords, evidenceWords, offsetWords } from "../report/steps.ts";
import { joinWords, plural } from "../report/wrap.ts";
import type { DiffPlace } from "./diff-places.ts";
import { MAX_COMMENT_BODY } from "./limits.ts";
import { cellCode, code, fenced, fitBlocks, folded, prose, sentence } from "./markdown.ts";
import { readTopicMarker, type TopicMarker, topicMarker, withoutMarker } from "./marker.ts";
import { placeHash, type Topic } from "./topics.ts";

/** Addresses that are there; whoever runs the service knows them. Without a final slash. */
export interface Links {
  /** Folder of the rules' pages; "<rules>/<id>.md". */
  readonly rules?: string;
  /** The page of this review; a finding is "#finding-<id>" on it. */
  readonly review?: string;
  /** The page of the check run, where the review has none of its own. */
  readonly check?: string;
  /** How to configure and command the bot. */
  readonly docs?: string;
}

export interface CommentInput {
  readonly topic: Topic;
  readonly place: DiffPlace;
  readonly result: ReviewResult;
  readonly links: Links;
  /** Of a known form (known-fix.ts); shown as a suggestion where `fixIsOnDiff`, else as a patch to read. */
  readonly fix?: ReviewFix | undefined;
  readonly fixIsOnDiff?: boolean;
}

const MAX_ROWS = 12;
const MAX_INSTRUCTIONS = 12;

/** "`__do_sys_peek()` returns with user access open". */
export function headline(finding: ReviewFinding): string {
  return sentence(messageOf(finding)).replace(/\.$/, "");
}

/** The rule's name, linked where its page is known; fit for a table's cell. */
export function ruleLink(rule: string, links: Links, words?: string): string {
  const name = words ?? cellCode(rule, 60);
  return links.rules !== undefined && /^[a-z0-9-]{1,80}$/.test(rule) ? `[${name}](${links.rules}/${rule}.md)` : name;
}

export function findingUrl(finding: ReviewFinding, links: Links): string | undefined {
  if (links.review === undefined || !/^[A-Za-z0-9-]{1,40}$/.test(finding.id)) return undefined;
  return `${links.review}#finding-${finding.id}`;
}

function wayTable(way: readonly ReviewStep[], file: string): string[] {
  const rows = pathRows(way, file);
  if (rows.length === 0) return [];
  const head = rows.length <= MAX_ROWS ? rows.length : 4;
  const shown = rows.length <= MAX_ROWS ? rows : [...rows.slice(0, head), ...rows.slice(head - MAX_ROWS)];
  const hasState = shown.some((row) => row.state !== "");
  const cells = shown.flatMap((row, i) => {
    const skipped = row.skipped + (i === head && rows.length > MAX_ROWS ? rows.length - MAX_ROWS : 0);
    const note = row.note === "" ? "" : ` (${prose(row.note, 60)})`;
    const state = hasState
      ? ` ${row.isSite && row.state !== "" ? `**${prose(row.state, 60)}**` : prose(row.state, 60)} |`
      : "";
    const line = `| ${prose(row.line, 40)} | ${cellCode(row.code)}${note} |${state}`;
    const gap = `| | ${plural(skipped, "step")} left out |${hasState ? " |" : ""}`;
    return skipped === 0 ? [line] : [gap, line];
  });
  return [`| line | code |${hasState ? " state |" : ""}`, `| --- | --- |${hasState ? " --- |" : ""}`, ...cells];
}

function instructionLines(way: readonly ReviewStep[]): string[] {
  const shown = way.filter((step) => step.asm !== undefined && step.asm !== "");
  const tail = shown.slice(-MAX_INSTRUCTIONS);
  if (tail.length === 0) return [];
  const width = Math.max(...tail.map((step) => offsetWords(step).length));
  const lines = tail.map((step) => `${offsetWords(step).padStart(width)}  ${asmWords(step, 100)}`);
  return fenced([...(shown.length > tail.length ? ["..."] : []), ...lines], "text");
}

function howItGetsThere(finding: ReviewFinding): string[] {
  const ways = [finding.path, finding.otherPath ?? []].filter((way) => way.length > 0);
  const blocks = ways.flatMap((way, i) => {
    const table = wayTable(way, finding.file);
    const isAssembly = finding.file.endsWith(".S");
    const instructions = table.length > 0 && isAssembly ? [] : instructionLines(way);
    const title = ways.length < 2 ? [] : [i === 0 ? "One way:" : "The other way:"];
    return [title, table, instructions].filter((part) => part.length > 0);
  });
  const { heading, entries } = evidenceWords(finding.evidence);
  const witnesses = entries.slice(0, 6).map(({ witness, says }) => `- ${prose(witness, 60)}: ${prose(says, 300)}`);
  if (witnesses.length > 0) blocks.push([`${heading}:`], witnesses);
  const related = finding.related.slice(0, 4).map((entry) => {
    const at = entry.place === undefined ? "" : ` (${code(`${entry.place.file}:${entry.place.line}`, 160)})`;
    return `- ${code(`${entry.function}()`, 120)}${at}: ${prose(entry.says, 300)}`;
  });
  if (related.length > 0) blocks.push(["See also:"], related);
  return blocks.flatMap((block, i) => (i === 0 ? block : ["", ...block]));
}

function toolPart(finding: ReviewFinding): string | undefined {
  return finding.kernelTool?.says === "agrees" ? "also reported by objtool" : undefined;
}

function profilePart(finding: ReviewFinding): string | undefined {
  const names = finding.profiles.slice(0, 3).map((name) => code(name, 60));
  const more = finding.profiles.length - names.length;
  if (names.length === 0) return undefined;
  return more > 0 ? `${names.join(", ")} and ${more} more` : joinWords(names);
}

/** "`uaccess-return-open` · error · x86_64-defconfig-gcc · also reported by objtool · links". */
function footer(finding: ReviewFinding, links: Links): string {
  const page = findingUrl(finding, links);
  const parts = [
    code(finding.rule, 60),
    finding.severity,
    profilePart(finding),
    toolPart(finding),
    links.rules === undefined ? undefined : ruleLink(finding.rule, links, "what this rule means"),
    page === undefined ? undefined : `[this finding](${page})`,
  ];
  return parts.filter((part) => part !== undefined && part !== "").join(" · ");
}

function whose(finding: ReviewFinding): string {
  return finding.fault === undefined ? "" : prose(faultSentence(finding) ?? "", 620);
}

function placeNote(finding: ReviewFinding, place: DiffPlace): string | undefined {
  if (place.side === "LEFT")
    return `It is in line ${finding.line} of the new file; what is deleted here is the nearest change.`;
  if (place.line === finding.line || finding.line === 0) return undefined;
  return `It is in line ${finding.line}; this is the nearest line of the change.`;
}

/** GitHub shows the diff down to the line of the comment: what the patch changes behind it is quoted here. */
function changeBehind({ hunk }: ReviewFinding, place: DiffPlace): string[] {
  if (hunk === undefined || place.side === "LEFT" || !isChangeBehind(hunk)) return [];
  const lines = hunk.lines.slice(hunk.after, hunk.after + MAX_HUNK_LINES);
  return ["What this patch changes stands below the line:", "", ...fenced(lines, "diff")];
}

function fixLines(fix: ReviewFix, isOnDiff: boolean): string[] {
  if (isOnDiff) {
    // A suggestion replaces the lines of the comment, byte for byte: no escape may change it, only the fence grows.
    const longest = Math.max(0, ...fix.lines.flatMap((line) => [...line.matchAll(/`+/g)].map(([run]) => run.length)));
    const fence = "`".repeat(Math.max(3, longest + 1));
    return [`${prose(fix.why)} Built and checked again with it:`, "", `${fence}suggestion`, ...fix.lines, fence];
  }
  return [
    `${prose(fix.why)} Built and checked again with it:`,
    "",
    ...fenced([`@@ ${fixPlace(fix)} @@`, ...fixDiff(fix)], "diff"),
  ];
}

/** What a reader would call another comment: not the way, whose lines move with every push. */
export function saysHash(topic: Topic, fix: ReviewFix | undefined): string {
  const { finding } = topic;
  const told = [
    finding.rule,
    finding.severity,
    finding.message,
    ...(fix === undefined ? [] : [fix.path, ...fix.lines]),
  ];
  return placeHash(told.join("\n"));
}

export function markerOf(topic: Topic, fix: ReviewFix | undefined): TopicMarker {
  return {
    key: topic.key,
    state: "open",
    says: saysHash(topic, fix),
    object: placeHash(topic.finding.object),
    function: placeHash(topic.finding.function),
  };
}

/** The body of a comment that tells a topic; at most MAX_COMMENT_BODY long, its last line the marker. */
export function commentBody(input: CommentInput): string {
  const { topic, place, result, links, fix } = input;
  const { finding } = topic;
  const consequence = finding.consequence === "" ? "" : ` ${sentence(finding.consequence)}`;
  const worsened = finding.class === "worsened" ? " It was there before, and is worse now." : "";
  const patch =
    finding.patch !== undefined && result.patches.length > 1
      ? ` From ${patchNumber(finding.patch.number, result)}, ${code(finding.patch.subject, 100)}.`
      : "";
  const also = topic.others.length === 0 ? undefined : alsoIn(topic);
  const note = placeNote(finding, place);
  const blocks = [
    `**${headline(finding)}.**${consequence}${worsened}${patch}`,
    ...[note, also].filter((text) => text !== undefined),
    whose(finding),
    changeBehind(finding, place).join("\n"),
    ...(fix === undefined ? [] : [fixLines(fix, input.fixIsOnDiff === true).join("\n")]),
    folded("How it gets there", howItGetsThere(finding)).join("\n"),
    footer(finding, links),
  ].filter((block) => block !== "");
  const marker = topicMarker(markerOf(topic, fix));
  return `${fitBlocks(blocks, MAX_COMMENT_BODY - marker.length - 2, () => footer(finding, links))}\n\n${marker}`;
}

/** The answer to "explain": the finding with its way in the open. */
export function explainBody(topic: Topic, links: Links): string {
  const { finding } = topic;
  const where = finding.file === "" ? finding.object : `${finding.file}${finding.line === 0 ? "" : `:${finding.line}`}`;
  const consequence = finding.consequence === "" ? "" : ` ${sentence(finding.consequence)}`;
  const blocks = [
    `**${headline(finding)}**, ${code(where)}.${consequence}`,
    whose(finding),
    ...(topic.others.length === 0 ? [] : [alsoIn(topic)]),
    howItGetsThere(finding).join("\n"),
    footer(finding, links),
  ].filter((block) => block !== "");
  return fitBlocks(blocks, MAX_COMMENT_BODY, () => footer(finding, links));
}

function alsoIn(topic: Topic): string {
  const objects = [...new Set(topic.others.map((other) => other.object))].filter(
    (path) => path !== topic.finding.object,
  );
  if (objects.length === 0) return `The same in ${plural(topic.others.length, "more place")} of this line.`;
  const shown = objects.slice(0, 3).map((path) => code(path, 120));
  const more = objects.length - shown.length;
  return `The same in ${more > 0 ? `${shown.join(", ")} and ${plural(more, "more object")}` : joinWords(shown)}.`;
}

/** What a told topic became: the old words stay, folded away. `words`: Markdown made here. */
export function closedBody(body: string, state: "fixed" | "waived" | "repeated", words: string): string {
  const marker = readTopicMarker(body);
  if (marker === undefined) return body;
  const old = withoutMarker(body);
  const last = topicMarker({ ...marker, state });
  const shell = ["<details>", "<summary>What it said</summary>", "", old, "", "</details>"].join("\n");
  const full = `**${words}**\n\n${shell}\n\n${last}`;
  return full.length <= MAX_COMMENT_BODY ? full : `**${words}**\n\n${last}`;
}

/** "Fixed in abc123def456." GitHub makes the id a link. */
export function fixedWords(sha: string): string {
  return `Fixed in ${/^[0-9a-f]{7,64}$/.test(sha) ? sha.slice(0, 12) : code(safeProse(sha, 64))}.`;
}
