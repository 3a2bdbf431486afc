// Changes that are certain enough to be offered as text: an annotation, a list entry, the missing size or type of a symbol.
// What is proposed here is only a candidate: fixes.ts applies it, builds, analyses again, and keeps it when the finding is gone and
// nothing new came. Sources: include/linux/linkage.h (SYM_*_START and SYM_*_END), include/linux/objtool.h and
// arch/x86/include/asm/nospec-branch.h (ANNOTATE_INTRA_FUNCTION_CALL), tools/objtool/noreturns.h (6.4 and later).

import type { ReviewFinding, ReviewFix } from "../report/result.ts";
import { NORETURN_LIST } from "./weakened.ts";

/** A function of assembly that is longer is not one suggestion. */
const MAX_FUNCTION_LINES = 60;

type ReadFile = (path: string) => string | undefined;

/** What a proposal goes by. Lines are of the head. */
export type Defect = Pick<ReviewFinding, "rule" | "message" | "function" | "file" | "line" | "repairedBy">;

/** A candidate for the finding, from the head's files; undefined where none is certain. Never throws on any file text. */
export function proposeFix(finding: Defect, readFile: ReadFile): ReviewFix | undefined {
  if (finding.repairedBy !== undefined) return undefined;
  if (finding.rule === "falls-through") return listEntry(finding, readFile);
  if (!finding.file.endsWith(".S") || finding.line === 0) return undefined;
  const lines = readFile(finding.file)?.split("\n");
  if (lines === undefined) return undefined;
  switch (finding.rule) {
    case "intra-function-call":
      return intraFunctionCall(finding, lines);
    case "missing-symbol-size":
      return symbolEnd(finding, lines);
    case "missing-symbol-type":
      return symbolType(finding, lines);
    default:
      return undefined;
  }
}

/** The file's text with the fix in it; undefined where the lines are not the ones that the fix was made for. */
export function applyFix(text: string, fix: ReviewFix): string | undefined {
  const lines = text.split("\n");
  const old = lines.slice(fix.from - 1, fix.to);
  if (old.length !== fix.replaced.length || old.some((line, i) => line !== fix.replaced[i])) return undefined;
  return [...lines.slice(0, fix.from - 1), ...fix.lines, ...lines.slice(fix.to)].join("\n");
}

/** Text that a suggestion block could not hold as it is, or a reader not see. */
function isPlain(line: string): boolean {
  return line.length <= 200 && /^[\t\x20-\x7e]*$/.test(line);
}

function made(
  path: string,
  lines: readonly string[],
  from: number,
  to: number,
  put: string[],
  why: string,
): ReviewFix | undefined {
  const replaced = lines.slice(from - 1, to);
  return [...replaced, ...put].every(isPlain) ? { path, from, to, replaced, lines: put, why } : undefined;
}

function intraFunctionCall({ file, line }: Defect, lines: readonly string[]): ReviewFix | undefined {
  const call = lines[line - 1];
  const match = /^(\s+)call\s+(?:[0-9]+[bf]|\.?[A-Za-z_][\w.$]*)\s*(?:[#/;].*)?$/.exec(call ?? "");
  // Inside a macro the line is the macro's, and every other user of it would be annotated too.
  if (call === undefined || match === null || call.includes(";") || isInMacro(lines, line)) return undefined;
  const put = [`${match[1]}ANNOTATE_INTRA_FUNCTION_CALL`, call];
  return made(file, lines, line, line, put, "The annotation says that the call stays in the function on purpose.");
}

function isInMacro(lines: readonly string[], line: number): boolean {
  for (let n = line - 1; n >= 1; n--) {
    const text = lines[n - 1]!;
    if (/^\s*\.endm\b/.test(text)) return false;
    if (/^\s*\.macro\b/.test(text) || /\\\s*$/.test(text)) return true;
  }
  return /\\\s*$/.test(lines[line - 1] ?? "");
}

const START = /^\s*(SYM_(?:FUNC|CODE)_START\w*|SYM_TYPED_FUNC_START)\((\w+)\)/;
const BOUNDARY =
  /^\s*(SYM_\w+_(START|END)\w*|SYM_DATA\w*)\(|^\s*\.(type|globl|global|weak)\b|^\s*\.(section|text|data|pushsection|popsection|macro)\b/;

/** The end that the symbol's beginning promises: the kernel's macros give type and size there, plain assembly a ".size". */
function symbolEnd({ file, function: name, message }: Defect, lines: readonly string[]): ReviewFix | undefined {
  const label = /^(\w+) labels code that has neither a type nor a size/.exec(message)?.[1];
  return endOf(file, label ?? (message.endsWith("() has no size") ? name : ""), lines);
}

function endOf(file: string, name: string, lines: readonly string[]): ReviewFix | undefined {
  if (!/^\w+$/.test(name)) return undefined;
  const isEnd = new RegExp(`^\\s*(SYM_\\w+_END\\(${name}\\)|\\.size\\s+${name}\\s*,)`);
  if (lines.some((line) => isEnd.test(line))) return undefined;
  const typed = new RegExp(`^\\s*\\.type\\s+${name}\\s*,\\s*[@%]function\\b`);
  const isTyped = lines.some((line) => typed.test(line));
  const starts = lines.flatMap((line, i) =>
    START.exec(line)?.[2] === name || (isTyped && line.trim() === `${name}:`) ? [i] : [],
  );
  const start = starts.length === 1 ? starts[0]! : undefined;
  const last = start === undefined ? undefined : lastLineOfBody(lines, start);
  if (start === undefined || last === undefined) return undefined;
  const macro = START.exec(lines[start]!)?.[1];
  const end =
    macro === undefined
      ? `\t.size ${name}, . - ${name}`
      : `SYM_${macro.startsWith("SYM_CODE") ? "CODE" : "FUNC"}_END(${name})`;
  const why =
    macro === undefined ? "The line gives the symbol its size." : "The macro gives the symbol its type and size.";
  return made(file, lines, last + 1, last + 1, [lines[last]!, end], why);
}

/** 0-based line of the last instruction before the next symbol or section; undefined where the body is not plain. */
function lastLineOfBody(lines: readonly string[], start: number): number | undefined {
  let last: number | undefined;
  for (let n = start + 1; n < lines.length && n - start <= MAX_FUNCTION_LINES; n++) {
    const line = lines[n]!;
    // Which end a conditional part gets is not certain.
    if (BOUNDARY.test(line)) return last;
    if (/^\s*#\s*(if|else|elif|endif)/.test(line)) return undefined;
    if (/^\s*$|^\s*(#|\/\/|\/\*|\*)/.test(line)) continue;
    last = n;
  }
  return start + MAX_FUNCTION_LINES >= lines.length ? last : undefined;
}

/** "callee:" that a function calls, from the label to the return behind which nothing goes on. */
function symbolType(finding: Defect, lines: readonly string[]): ReviewFix | undefined {
  const callee = / calls (\w+)\(\), whose symbol is no function$/.exec(finding.message)?.[1];
  if (callee === undefined) return undefined;
  const end = endOf(finding.file, callee, lines);
  if (end !== undefined) return end;
  const labels = lines.flatMap((line, i) => (line.trim() === `${callee}:` ? [i] : []));
  const start = labels.length === 1 ? labels[0]! : undefined;
  if (start === undefined) return undefined;
  const last = lastLineOfBody(lines, start);
  // Behind anything else the code goes on, and belongs to somebody.
  if (last === undefined || !/^\s*(RET|ret|retq)\s*(?:[#/].*)?$/.test(lines[last]!)) return undefined;
  // A second label inside may be a symbol of its own.
  if (lines.slice(start + 1, last).some((line) => /^[A-Za-z_]\w*:/.test(line))) return undefined;
  const isGlobal = lines.some((line) => new RegExp(`^\\s*\\.(globl|global|weak)\\s+${callee}\\b`).test(line));
  if (isGlobal) return undefined;
  const body = lines.slice(start + 1, last + 1);
  const put = [`SYM_FUNC_START_LOCAL(${callee})`, ...body, `SYM_FUNC_END(${callee})`];
  return made(finding.file, lines, start + 1, last + 1, put, "The macros give the symbol its type and size.");
}

/** NORETURN(callee) at its place in the sorted list of the tree. */
function listEntry(finding: Defect, readFile: ReadFile): ReviewFix | undefined {
  const callee = / runs past its end when (\w+)(?:\(\))? returns: /.exec(finding.message)?.[1];
  const lines = callee === undefined ? undefined : readFile(NORETURN_LIST)?.split("\n");
  if (callee === undefined || lines === undefined) return undefined;
  const entries = lines.flatMap((line, i) => {
    const name = /^NORETURN\((\w+)\)$/.exec(line)?.[1];
    return name === undefined ? [] : [{ name, i }];
  });
  if (entries.length === 0 || entries.some(({ name }) => name === callee)) return undefined;
  const entry = `NORETURN(${callee})`;
  const why = `The list of the tree then says that ${callee}() does not return.`;
  const next = entries.find(({ name }) => name > callee);
  const at = next?.i ?? entries[entries.length - 1]!.i;
  const put = next === undefined ? [lines[at]!, entry] : [entry, lines[at]!];
  return made(NORETURN_LIST, lines, at + 1, at + 1, put, why);
}
