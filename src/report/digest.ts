// The reply to a patch mail: one ReviewResult as plain text of 76 columns. The verdict is the first line; a finding stands
// under the hunk that it is about, as a person's review would; what was not looked at is named.
//
// Text from outside never starts a line: a mail tool that reads trailers, commands or diffs out of replies finds only ours.

import { findingHeadline, findingLines, NO_PAINT } from "./finding-text.ts";
import { type Hunk, isSameHunk, quotedRange } from "./hunk-text.ts";
import type { ReviewFinding, ReviewResult } from "./result.ts";
import { safeCode, safeProse } from "./safe.ts";
import { gravestFirst, patchNumber, speakingFindings, transientNote, verdictSentence } from "./sentences.ts";
import { tailLines } from "./tail-text.ts";
import { verdictBody } from "./verdict-text.ts";
import { weakenedLines } from "./weakened-text.ts";
import { plural, wrapText } from "./wrap.ts";

export interface DigestOptions {
  /** Number of the patch that the mail answers, 1-based; absent: the cover letter. */
  readonly replyTo?: number;
  /** From the arrival of the series to this answer, in milliseconds. */
  readonly sinceMailMillis?: number;
  /** Findings shown in full, the gravest first chosen. Default 5; the others get their headline, up to 40. */
  readonly maxDetailed?: number;
  /** Address of the whole review, printed as it is. Only for a page that really is there. */
  readonly reviewUrl?: string;
  /** The bot reads replies: print the commands. */
  readonly mailCommands?: boolean;
  /** Lines that this answers to, quoted on top: a command as it was written. */
  readonly answersTo?: readonly string[];
  /** Ids of findings that the former version had; see `result.previousVersion`. */
  readonly stillThere?: ReadonlySet<string>;
  /** A mail told of those, so that a headline is enough. */
  readonly formerIsTold?: boolean;
  /** New findings that are left out because somebody waived them. */
  readonly waived?: number;
  /** Trailers for whoever repairs this by a patch of its own: "Reported-by: objreview <...>". Printed as they are. */
  readonly trailers?: readonly string[];
}

const MAX_HEADLINES = 40;
const MAX_REPRODUCE = 12;
const MAX_QUOTED = 6;

function quote(line: string): string {
  return `> ${safeCode(line)}`.trimEnd();
}

/** The lines of a hunk from `from` to the one that the finding is about, and what it changes. */
function quoteHunk(hunk: Hunk, from: number, isLast: boolean): { lines: string[]; next: number } {
  const { start, end } = quotedRange(hunk, from, isLast);
  const quoted = hunk.lines.slice(start, Math.max(start, end)).map(quote);
  const header = from === 0 ? [quote(hunk.header)] : [];
  return { lines: [...header, ...(start > from ? ["> [...]"] : []), ...quoted], next: Math.max(from, end) };
}

function detailedFindings(findings: readonly ReviewFinding[], result: ReviewResult, namesId: boolean): string[] {
  const lines: string[] = [];
  const hasGroups = new Set(findings.map((finding) => finding.patch?.number)).size > 1;
  let quotedTo = 0;
  findings.forEach((finding, i) => {
    const before = findings[i - 1];
    if (hasGroups && (before === undefined || before.patch?.number !== finding.patch?.number)) {
      lines.push("", ...groupHeading(finding, result));
    }
    if (finding.hunk !== undefined) {
      const from = isSameHunk(before?.hunk, finding.hunk) ? quotedTo : 0;
      const { lines: quoted, next } = quoteHunk(finding.hunk, from, !isSameHunk(findings[i + 1]?.hunk, finding.hunk));
      quotedTo = next;
      if (quoted.length > 0) lines.push("", ...quoted);
    }
    lines.push("", ...findingLines(finding, result, NO_PAINT, { namesId }));
  });
  return lines;
}

/** What does not build, above its error. */
function brokenHunk({ verdict, broken }: ReviewResult): string[] {
  if (verdict !== "broken" || broken?.hunk === undefined) return [];
  return ["", ...quoteHunk(broken.hunk, 0, true).lines];
}

function groupHeading(finding: ReviewFinding, result: ReviewResult): string[] {
  if (finding.patch === undefined) return ["From the series as a whole:"];
  return wrapText(`From ${patchNumber(finding.patch.number, result)}, "${safeProse(finding.patch.subject, 200)}":`, {
    rest: "  ",
  });
}

function headlines(findings: readonly ReviewFinding[], result: ReviewResult, namesId: boolean): string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, MAX_HEADLINES);
  const more = findings.length - shown.length;
  return [
    "",
    findings.length === 1 ? "And one more, in short:" : `And ${findings.length} more, in short:`,
    "",
    ...shown.flatMap((finding) => findingHeadline(finding, result, NO_PAINT, { namesPatch: true, namesId })),
    ...(more > 0 ? [`and ${more} more that are only in the full review.`] : []),
  ];
}

/** What stays of the former version, where that was told in full. */
function stillThereLines(findings: readonly ReviewFinding[], result: ReviewResult, namesId: boolean): string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, MAX_HEADLINES);
  const more = findings.length - shown.length;
  return [
    "",
    `Still there from v${result.previousVersion?.version ?? result.series.version - 1}, where it was told in full:`,
    "",
    ...shown.flatMap((finding) => findingHeadline(finding, result, NO_PAINT, { namesPatch: true, namesId })),
    ...(more > 0 ? [`and ${more} more that are only in the full review.`] : []),
  ];
}

/** The verdict; where the former version had some of the findings already, with how many it had. */
function opening(result: ReviewResult, options: DigestOptions): string {
  const old = result.findings.filter(({ id }) => options.stillThere?.has(id) === true);
  const version = result.previousVersion?.version;
  if (result.verdict !== "findings" || old.length === 0 || version === undefined) {
    return verdictSentence(result, options.replyTo);
  }
  const fresh = { ...result, findings: result.findings.filter((finding) => !old.includes(finding)) };
  const isOne = old.length === 1;
  if (speakingFindings(fresh).length === 0) {
    const had = old.length + (result.previousVersion?.fixed ?? 0);
    const what = had === old.length ? plural(had, "finding") : `${old.length} of ${plural(had, "finding")}`;
    return `${what} of v${version} ${isOne ? "is" : "are"} still there, nothing else is new.`;
  }
  const stay = `${old.length} of v${version} ${isOne ? "is" : "are"} still there`;
  return `${verdictSentence(fresh, options.replyTo).replace(/\.$/, "")}; ${stay}.`;
}

/** Below three dashes, where it is in nobody's way. A bar before each trailer: b4 takes one that starts a line, indented or not, for the patch's own. */
function footer(options: DigestOptions): string[] {
  const { trailers = [], reviewUrl } = options;
  const blocks = [
    trailers.length === 0
      ? []
      : [
          "If a separate patch fixes this, rather than a new version, please add:",
          ...trailers.map((each) => `| ${each}`),
        ],
    [
      ...(reviewUrl === undefined ? [] : [`Whole review, with the graph: ${reviewUrl}`]),
      ...(options.mailCommands === true
        ? [
            'Re-check: reply with "#objreview recheck" on a line of its own.',
            'No more mail of this kind: "#objreview stop".',
          ]
        : []),
    ],
  ].filter((block) => block.length > 0);
  return blocks.flatMap((block, i) => (i === 0 ? ["---", ...block] : ["", ...block]));
}

/** The digest: lines end in "\n", at most 76 code points wide but for quoted diffs, instructions and shell lines. Never throws. */
export function renderDigest(result: ReviewResult, options: DigestOptions = {}): string {
  const isShort = ({ id }: ReviewFinding) => options.formerIsTold === true && options.stillThere?.has(id) === true;
  const speaking = speakingFindings(result);
  const { detailed, short } = gravestFirst(
    speaking.filter((finding) => !isShort(finding)),
    options.maxDetailed ?? 5,
  );
  const namesId = options.mailCommands === true;
  const note = transientNote(result);
  const body = verdictBody(result);
  const reproduce = result.reproduce.slice(0, MAX_REPRODUCE).map((line) => `  ${safeCode(line, 240)}`);
  const answersTo = (options.answersTo ?? []).slice(0, MAX_QUOTED).map(quote);
  const end = footer(options);
  const lines = [
    ...(answersTo.length === 0 ? [] : [...answersTo, ""]),
    ...wrapText(`objreview: ${opening(result, options)}`, { rest: "  " }),
    ...(note === undefined ? [] : wrapText(`(${note})`, { rest: " " })),
    ...brokenHunk(result),
    ...(body.length === 0 ? [] : ["", ...body]),
    ...detailedFindings(detailed, result, namesId),
    ...headlines(short, result, namesId),
    ...stillThereLines(speaking.filter(isShort), result, namesId),
    ...weakenedLines(result),
    "",
    ...tailLines(result, options.sinceMailMillis, options.waived),
    ...(reproduce.length === 0 ? [] : ["", "Try it:", ...reproduce]),
    ...(end.length === 0 ? [] : ["", ...end]),
  ];
  return `${lines.join("\n")}\n`;
}
