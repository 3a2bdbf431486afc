// The check's summary and the one comment that is edited in place: the verdict, what is told nowhere else, what was built and
// what was not, how long it took; nothing else.

import { explainedNews } from "../report/fault-text.ts";
import type { ReviewFinding, ReviewResult } from "../report/result.ts";
import {
  cappedList,
  coverageGroups,
  coverageSentence,
  durationWords,
  profileWords,
  type ReasonGroup,
  sandboxSentence,
  totalMillis,
  transientNote,
  transientWords,
  verdictSentence,
} from "../report/sentences.ts";
import { verdictBody } from "../report/verdict-text.ts";
import { weakenedHeading, weakenedPlace, weakenedSentence } from "../report/weakened-text.ts";
import { plural } from "../report/wrap.ts";
import { findingUrl, headline, type Links, ruleLink } from "./comment-text.ts";
import { MAX_CHECK_TEXT, MAX_COMMENT_BODY } from "./limits.ts";
import { cellCode, code, fenced, fitBlocks, prose, sentence } from "./markdown.ts";
import { summaryMarker } from "./marker.ts";
import { placeHash, type Topic } from "./topics.ts";

const MAX_ROWS = 20;
const MAX_GROUPS = 6;
const MAX_NAMES = 5;
const MAX_PROFILES = 8;

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** The verdict in a pull request's words, "1 new finding, from this patch.": there is one version, its head. */
function verdictWords(result: ReviewResult): string {
  return verdictSentence(result)
    .replace(/\bv\d+ of this series/g, "this pull request")
    .replace(/a later version of the series/, "a later push");
}

/** The same as plain text with a capital letter, for the check's title. */
export function verdictPlain(result: ReviewResult): string {
  return capital(verdictWords(result));
}

/** What a verdict other than findings is about: the first error, the conflict's files, the reason. */
function bodyBlocks(result: ReviewResult): string[] {
  const lines = verdictBody(result);
  if (lines.length === 0) return [];
  if (result.verdict === "broken" || result.verdict === "conflict") {
    const indent = Math.min(
      ...lines.filter((line) => line !== "").map((line) => line.length - line.trimStart().length),
    );
    return [
      fenced(
        lines.map((line) => line.slice(indent)),
        "text",
      ).join("\n"),
    ];
  }
  return [prose(lines.map((line) => line.trim()).join(" "), 2000)];
}

/** One row each; the file's name alone where the path is long. */
export function findingTable(topics: readonly Topic[], result: ReviewResult, links: Links, max = MAX_ROWS): string[] {
  if (topics.length === 0) return [];
  const rows = topics.slice(0, max).map(({ finding, others }) => {
    const url = findingUrl(finding, links);
    const message = headline(finding);
    const what = url === undefined ? message : `${message} ([more](${url}))`;
    const extra = [
      finding.class === "worsened" ? "worsened" : undefined,
      transientWords(finding, result),
      others.length === 0 ? undefined : `and ${others.length} more like it`,
    ].filter((words) => words !== undefined);
    const suffix = extra.length === 0 ? "" : `; ${extra.join(", ")}`;
    return `| ${finding.severity} | ${what}${suffix} | ${placeCell(finding)} | ${ruleLink(finding.rule, links)} |`;
  });
  const more = topics.length - rows.length;
  const all = links.review ?? links.check;
  const rest = more > 0 ? [`| | and ${more} more${all === undefined ? "" : `, [all of them](${all})`} | | |`] : [];
  return ["| | finding | place | rule |", "| --- | --- | --- | --- |", ...rows, ...rest];
}

function wholeReview({ review, check }: Links): string[] {
  if (review !== undefined) return [`[The whole review](${review}).`];
  return check === undefined ? [] : [`[The check](${check}) has all of it.`];
}

function placeCell(finding: ReviewFinding): string {
  if (finding.file === "") return cellCode(finding.object, 120);
  return cellCode(`${finding.file}${finding.line === 0 ? "" : `:${finding.line}`}`, 120);
}

function countsLine(result: ReviewResult): string {
  const count = (kind: ReviewFinding["class"]) => result.findings.filter((finding) => finding.class === kind).length;
  const worsened = count("worsened");
  return [
    `${count("new")} new`,
    ...(worsened === 0 ? [] : [`${worsened} worsened`]),
    `${count("fixed")} fixed`,
    `${count("unchanged")} as in the base`,
  ].join(", ");
}

function weakenedBlock(result: ReviewResult): string[] {
  const heading = weakenedHeading(result);
  if (heading === undefined) return [];
  const all = result.weakened ?? [];
  const lines = all.slice(0, 12).map((each) => {
    const place = weakenedPlace(each);
    return `- ${sentence(weakenedSentence(each))}${place === "" ? "" : ` (${code(place, 200)})`}`;
  });
  const more = all.length - lines.length;
  return [
    [heading, "", ...lines, ...(more > 0 ? [`- and ${plural(more, "more entry", "more entries")}`] : [])].join("\n"),
  ];
}

function groupItems(label: string, groups: readonly ReasonGroup[]): string[] {
  const shown = groups.slice(0, MAX_GROUPS).map((group) => {
    const names = group.names.filter((name) => name !== "");
    const object = group.object === undefined ? "" : ` in ${code(group.object, 120)}`;
    if (names.length === 0) return `- **${label}:** ${prose(group.why, 300)}.`;
    return `- **${label}:** ${sentence(cappedList(names, MAX_NAMES), 600)}${object} (${prose(group.why, 300)}).`;
  });
  const left = groups.slice(MAX_GROUPS).reduce((sum, group) => sum + group.names.length, 0);
  return left === 0 ? shown : [...shown, `- **${label}:** ${left} more, for other reasons.`];
}

function builtItems(result: ReviewResult): string[] {
  const items = result.profiles.slice(0, MAX_PROFILES).map((profile) => {
    const { affectedObjects: affected, builtObjects: built, identicalObjects: identical } = profile;
    const same =
      identical === 0 ? "" : `, ${identical === built ? "all" : `${identical} of them`} with the code of the base`;
    return `- **Built:** ${prose(profileWords(profile, result.profiles), 160)}: ${built} of ${plural(affected, "affected object")}${same}.`;
  });
  const more = result.profiles.length - items.length;
  return more > 0 ? [...items, `- **Built:** ${plural(more, "more profile")}.`] : items;
}

function baseItem(result: ReviewResult): string {
  const { commit, name, chosenBy } = result.base;
  const id = /^[0-9a-f]{12,64}$/.test(commit) ? commit.slice(0, 12) : code(commit, 40);
  const words = name === "" || id.startsWith(name) || name.startsWith(id) ? id : `${code(name, 80)} (${id})`;
  return `- **Base:** ${words}${chosenBy === "" ? "" : `, ${prose(chosenBy, 120)}`}.`;
}

function timeItem(result: ReviewResult): string[] {
  if (result.timings.length === 0) return [];
  const shown = result.timings.slice(0, 12).map(({ phase, millis }) => `${prose(phase, 40)} ${durationWords(millis)}`);
  return [`- **Time:** ${durationWords(totalMillis(result))}: ${shown.join(", ")}.`];
}

function warningItems(result: ReviewResult): string[] {
  const shown = result.compilerWarnings
    .slice(0, 5)
    .map(({ file, line, text }) => `- **New compiler warning:** ${code(`${file}:${line}`, 160)}: ${prose(text, 240)}.`);
  const more = result.compilerWarnings.length - shown.length;
  return more > 0 ? [...shown, `- **New compiler warnings:** ${more} more.`] : shown;
}

/** What was built, looked at and not looked at, as list items. */
export function coverageItems(result: ReviewResult): string[] {
  const groups = coverageGroups(result);
  const checked = coverageSentence(result);
  const explained = explainedNews(result);
  return [
    ...builtItems(result),
    ...groupItems("Not built", groups.notBuilt),
    ...(checked === undefined ? [] : [`- **Checked:** ${checked}.`]),
    ...groupItems("Not checked", groups.notChecked),
    ...(explained === undefined ? [] : [`- **Not told:** ${prose(explained, 300)}.`]),
    ...groupItems("Assumed", groups.assumed),
    baseItem(result),
    ...warningItems(result),
    ...timeItem(result),
    `- **Isolation:** ${prose(sandboxSentence(result), 200)}`,
  ];
}

/** output.summary of a completed check run, at most MAX_CHECK_TEXT long. */
export function checkSummary(
  result: ReviewResult,
  topics: readonly Topic[],
  links: Links,
  notes: readonly string[] = [],
): string {
  const note = transientNote(result);
  const blocks = [
    `**${sentence(verdictPlain(result))}**`,
    ...(note === undefined ? [] : [prose(note)]),
    ...bodyBlocks(result),
    findingTable(topics, result, links).join("\n"),
    ...(result.findings.length === 0 ? [] : [`${countsLine(result)}.`]),
    ...notes,
    ...weakenedBlock(result),
    coverageItems(result).join("\n"),
    ...(links.review === undefined ? [] : [`[The whole review](${links.review})`]),
  ].filter((block) => block !== "");
  return fitBlocks(blocks, MAX_CHECK_TEXT, () => "More is in the JSON form of this review.");
}

export interface SummaryInput {
  readonly result: ReviewResult;
  readonly headSha: string;
  readonly links: Links;
  /** Open topics that no comment on a line tells. */
  readonly untold: readonly Topic[];
  /** Open topics with a comment on a line. */
  readonly onLines: number;
  /** Comments that were closed as fixed so far, this time included. */
  readonly fixed: number;
  readonly waived: number;
  /** Commands in comments are read. */
  readonly answersCommands: boolean;
}

/** The comment that is edited in place; its last line is the marker. */
export function summaryBody(input: SummaryInput): string {
  const { result, headSha, links, untold, onLines, fixed, waived } = input;
  const groups = coverageGroups(result);
  const gaps = [...groups.notBuilt, ...groups.notChecked].reduce((sum, group) => sum + group.names.length, 0);
  const state = [
    onLines === 0 ? undefined : `${plural(onLines, "finding")} on ${onLines === 1 ? "its line" : "their lines"}`,
    onLines === 0 || untold.length === 0 ? undefined : `${untold.length} in the table`,
    fixed === 0 ? undefined : `${fixed} fixed since`,
    waived === 0 ? undefined : `${waived} waived`,
  ].filter((words) => words !== undefined);
  const sha = /^[0-9a-f]{40,64}$/.test(headSha) ? headSha.slice(0, 12) : code(headSha, 40);
  const blocks = [
    `**objreview: ${sentence(verdictWords(result))}**`,
    ...bodyBlocks(result),
    findingTable(untold, result, links, 10).join("\n"),
    ...(state.length === 0 ? [] : [`${capital(state.join(", "))}.`]),
    ...weakenedBlock(result),
    ...(gaps === 0
      ? []
      : [`${plural(gaps, "thing was", "things were")} not looked at; the check names ${gaps === 1 ? "it" : "them"}.`]),
    [
      `For ${sha}.`,
      ...wholeReview(links),
      ...(input.answersCommands
        ? [
            `The author and people with write access can say \`/objreview recheck\`${links.docs === undefined ? "" : `; [more](${links.docs})`}.`,
          ]
        : []),
    ].join(" "),
  ].filter((block) => block !== "");
  const text = fitBlocks(blocks, MAX_COMMENT_BODY - 60, () => "More is in the check.");
  return `${text}\n\n${summaryMarker(placeHash(text))}`;
}
