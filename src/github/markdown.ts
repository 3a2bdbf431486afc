// Text from outside on its way into GitHub's Markdown. What GitHub does with text after Markdown (mentions, issue references,
// emoji) is not stopped by a backslash, since that is gone by then; a zero-width space is what parts the letters there.
// Sources: GitHub Flavored Markdown Spec 0.29 (2.4 backslash escapes, 4.10 tables, 6.2 entities, 6.3 code spans, 6.9
// autolinks); docs.github.com "Autolinked references and URLs", "Writing mathematical expressions".

import { safeCode, safeProse, safeText } from "../report/safe.ts";

const PART = "&#8203;";

/**
 * One line of prose that GitHub shows as it is: no markup, link, mention, reference, emoji, mathematics or HTML survives, and
 * nothing at its start opens a block. `max`: code points of the text before escaping.
 */
export function prose(text: string, max = 400): string {
  return safeProse(text, max)
    .replaceAll(SIGNS, escapeSign)
    .replace(/^(\s*)([-+=#>])/, "$1\\$2")
    .replace(/^(\s*\d{1,9})([.)])/, "$1\\$2");
}

// Between letters an underscore is a letter (GFM 6.4). safeProse parts "www." at a word's start; "_www." begins a link too (6.9).
const SIGNS =
  /[\\`*[\]|~<&$@]|(?<![a-z0-9])_|_(?![a-z0-9])|#(?=\d)|\bGH-(?=\d)|:(?=[\w+-]+:)|\b(?:mailto|xmpp):|www(?=\.)/gi;

function escapeSign(sign: string): string {
  switch (sign) {
    case "<":
      return "&lt;";
    case "&":
      return "&amp;";
    // So says GitHub's own page on mathematics.
    case "$":
      return "<span>$</span>";
    default:
      return /^[\\`*[\]|~_]$/.test(sign) ? `\\${sign}` : `${sign}${PART}`;
  }
}

/** A code span, fenced by more backticks than the text has in a row. "" for empty text, which has no span. */
export function code(text: string, max = 160): string {
  const safe = safeCode(text, max).replaceAll("\t", " ").trim();
  if (safe === "") return "";
  const fence = "`".repeat(longestRun(safe) + 1);
  const pad = safe.startsWith("`") || safe.endsWith("`") ? " " : "";
  return `${fence}${pad}${safe}${pad}${fence}`;
}

/**
 * Code inside a table cell. A bar would end the cell even inside a code span, and with a backslash before it renderers
 * differ; such text goes into an element whose every sign is an entity, which is never structure (GFM 6.2).
 */
export function cellCode(text: string, max = 100): string {
  if (!/[|\\]/.test(text)) return code(text, max);
  const safe = safeText(text.trim(), { max });
  return `<code>${safe.replaceAll(/[^A-Za-z0-9 ]/gu, (char) => `&#${char.codePointAt(0)};`)}</code>`;
}

/** A fenced block of lines that are already one line each; the fence is longer than any run of backticks inside. */
export function fenced(lines: readonly string[], language: string, maxLine = 200): string[] {
  const safe = lines.map((line) => safeCode(line, maxLine));
  const fence = "`".repeat(Math.max(3, ...safe.map((line) => longestRun(line) + 1)));
  return [`${fence}${language}`, ...safe, fence];
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
}

/** A sentence of ours with names in it: what looks like a function's name stands as code, all else as prose. */
export function sentence(text: string, max = 400): string {
  return safeProse(text, max)
    .split(/([A-Za-z_][\w.]*\(\))/)
    .map((part, i) => (i % 2 === 1 ? code(part, max) : part === "" ? "" : inner(part, max)))
    .join("")
    .trim();
}

/** prose() in the middle of a line: its blanks at both ends stay. */
function inner(part: string, max: number): string {
  const head = /^\s*/.exec(part)![0];
  const tail = head.length === part.length ? "" : /\s*$/.exec(part)![0];
  return `${head}${prose(part, max)}${tail}`;
}

/** A section that folds away; `title` is Markdown made here, without line ends. */
export function folded(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["<details>", `<summary>${title}</summary>`, "", ...lines, "", "</details>"];
}

/**
 * Blocks joined by blank lines, as many as fit into `max` UTF-16 units; where some are left out, `rest(count)` says so at the
 * end. A block is left out whole, so that no fence or element stays open.
 */
export function fitBlocks(blocks: readonly string[], max: number, rest: (leftOut: number) => string): string {
  const whole = blocks.join("\n\n");
  if (whole.length <= max) return whole;
  const reserve = rest(blocks.length).length + 8;
  let length = 0;
  let count = 0;
  for (const block of blocks) {
    if (length + block.length + 2 > max - reserve) break;
    length += block.length + 2;
    count++;
  }
  return [...blocks.slice(0, count), rest(blocks.length - count)].join("\n\n");
}
