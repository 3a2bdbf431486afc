// The terminal form of a review: verdict first, then the findings, then what was and was not looked at.

import { findingHeadline, findingLines, NO_PAINT, type Paint } from "./finding-text.ts";
import type { ReviewResult } from "./result.ts";
import { safeProse } from "./safe.ts";
import {
  gravestFirst,
  patchNumber,
  seriesWords,
  speakingFindings,
  transientNote,
  verdictSentence,
} from "./sentences.ts";
import { tailLines } from "./tail-text.ts";
import { verdictBody } from "./verdict-text.ts";
import { weakenedLines } from "./weakened-text.ts";
import { wrapText } from "./wrap.ts";

export interface TextOptions {
  /** ANSI colours (SGR). Default: none. */
  readonly colour?: boolean;
  /** Findings shown in full. Default 20; the others get their headline. */
  readonly maxDetailed?: number;
}

// ECMA-48 8.3.117, SGR.
const sgr = (code: string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const COLOURS: Paint = {
  strong: sgr("1"),
  error: sgr("1;31"),
  warning: sgr("1;33"),
  note: sgr("1;36"),
  good: sgr("1;32"),
  dim: sgr("2"),
};

function verdictPaint(result: ReviewResult, paint: Paint): (text: string) => string {
  switch (result.verdict) {
    case "clean":
    case "applied":
      return paint.good;
    case "findings":
    case "broken":
    case "failed":
      return paint.error;
    default:
      return paint.warning;
  }
}

/** The review for a terminal or a log. Lines end in "\n". Never throws. */
export function renderText(result: ReviewResult, options: TextOptions = {}): string {
  const paint = options.colour === true ? COLOURS : NO_PAINT;
  const { detailed, short } = gravestFirst(speakingFindings(result), options.maxDetailed ?? 20);
  const note = transientNote(result);
  const body = verdictBody(result);
  const series = seriesWords(result);
  const inFull = detailed.flatMap((finding, i) => {
    const from =
      finding.patch === undefined || result.patches.length === 1
        ? []
        : wrapText(`${patchNumber(finding.patch.number, result)} ${safeProse(finding.patch.subject, 200)}`, {
            rest: "    ",
          }).map(paint.dim);
    const isNewGroup = i === 0 || detailed[i - 1]?.patch?.number !== finding.patch?.number;
    return ["", ...(isNewGroup ? from : []), ...findingLines(finding, result, paint)];
  });
  const lines = [
    ...wrapText(`objreview: ${verdictSentence(result)}`, { rest: "  " }).map(verdictPaint(result, paint)),
    ...(series === undefined ? [] : wrapText(series, { first: "  " }).map(paint.dim)),
    ...(note === undefined ? [] : wrapText(note, { first: "  " })),
    ...(body.length === 0 ? [] : ["", ...body]),
    ...inFull,
    ...(short.length === 0
      ? []
      : [
          "",
          `And ${short.length} more, in short:`,
          ...short.flatMap((finding) => findingHeadline(finding, result, paint, { namesPatch: true })),
        ]),
    ...weakenedLines(result),
    "",
    ...tailLines(result),
  ];
  return `${lines.join("\n")}\n`;
}
