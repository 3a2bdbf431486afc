// Links to earlier versions of a series, as authors write them into cover letters and under the three dashes: "Link to v1: https://lore.kernel.org/r/<id>" (b4),
// "v2: https://lore.kernel.org/all/<id>/", "Changes since v1 [1]" with "[1] https://..." below.

import type { PatchMessage } from "../patch/message.ts";

const MAX_LINKS = 20;
const MAX_LINES = 5000;
/** Archives whose addresses end in the Message-ID: lore.kernel.org/<list>/<id>, patch.msgid.link/<id>, public-inbox elsewhere. */
const linkPattern =
  /https?:\/\/(?:(?:lore|lkml|patch)(?:\.[\w-]{1,60}){1,4}|[\w-]{1,60}(?:\.[\w-]{1,60}){0,4}\/(?:r|all|[\w.-]{1,80}))(?:\/[\w.-]{1,80}){0,2}\/([^\s/<>"()[\]]{1,250}(?:@|%40)[^\s/<>"()[\]]{1,250})/gi;
const versionWord = /\b(?:v\d{1,3}|rfc|version|revision|previous(?:ly)?|earlier|former|last)\b/i;
const footnote = /^\s*\[(\w{1,8})\]/;

/** Message-IDs, in the order of the text, at most 20. */
export function readVersionLinks(message: PatchMessage): string[] {
  if (!message.subject.isPatch || message.subject.isReply) return [];
  const notes = message.patchText.slice(0, diffStart(message.patchText));
  const text = message.subject.number === 0 || message.patchText === "" ? message.body : notes;
  const found = new Set<string>();
  const lines = text.split("\n", MAX_LINES).map((line) => line.slice(0, 1000));
  lines.forEach((line, index) => {
    const links = [...line.matchAll(linkPattern)];
    if (links.length === 0 || !speaksOfVersions(lines, index)) return;
    for (const link of links) found.add(decodeId(link[1] as string));
  });
  return [...found].slice(0, MAX_LINKS);
}

/** The line itself, the one before where this one has nothing but the link, or the place that a footnote belongs to. */
function speaksOfVersions(lines: readonly string[], index: number): boolean {
  const line = (lines[index] as string).replace(linkPattern, "");
  if (versionWord.test(line)) return true;
  const note = footnote.exec(line)?.[1];
  if (note !== undefined) {
    const mark = `[${note}]`;
    return lines.some((other, at) => at !== index && other.includes(mark) && versionWord.test(other));
  }
  const before = lines[index - 1] ?? "";
  return /^[\s*+:-]*(?:link:?)?\s*$/i.test(line) && versionWord.test(before);
}

function diffStart(patchText: string): number {
  const start = patchText.search(/^(?:diff --git |Index: |--- \S)/m);
  return start < 0 ? patchText.length : start;
}

function decodeId(text: string): string {
  const id = text.replace(/[.,;:!?'`]+$/, "");
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
