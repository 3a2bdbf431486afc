import { type LexState, lexLine } from "./c-lex.ts";
import type { DiffLine, FileDiff, Hunk } from "./file-diff.ts";
import { fileKind } from "./touched.ts";

// What a diff of a C file or header changes, by name. Lexical and cheap: it ranks the users of a header, it decides nothing.

export interface ChangedIdentifiers {
  /** Functions, types, macros and variables whose definition or body has a changed line, as far as the hunk shows their name. */
  readonly defined: ReadonlySet<string>;
  /** Every identifier on an added or removed line, comments, literals and C's own words left out; fields and enumerators among them. */
  readonly mentioned: ReadonlySet<string>;
}

const keywords = new Set(
  (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short " +
    "signed sizeof static struct switch typedef union unsigned void volatile while _Bool _Alignas _Alignof _Atomic _Generic _Noreturn " +
    "_Static_assert _Thread_local typeof __typeof__ asm __asm__ __volatile__ __inline __inline__ __always_inline __attribute__ " +
    "define undef ifdef ifndef endif elif include pragma error warning line defined bool true false NULL"
  ).split(" "),
);

const identifierPattern = /(?<![\w$.])[A-Za-z_]\w*/g;
/** Identifiers of more characters than this are no names; a bound for hostile lines. */
const MAX_IDENTIFIER = 200;
const MAX_LINE = 4000;

/** Identifiers that the diff of one C file, header or assembly file changes; both sets are empty for other kinds and for binaries. */
export function changedIdentifiers(file: FileDiff): ChangedIdentifiers {
  const defined = new Set<string>();
  const mentioned = new Set<string>();
  const kind = fileKind(file.path);
  if (kind === "c" || kind === "header" || kind === "asm") {
    for (const hunk of file.hunks) {
      for (const side of ["-", "+"] as const) readSide(hunk, side, defined, mentioned);
    }
  }
  return { defined, mentioned };
}

function readSide(hunk: Hunk, side: "-" | "+", defined: Set<string>, mentioned: Set<string>): void {
  const lines = hunk.lines.filter((line) => line.kind === " " || line.kind === side);
  let state = guessStart(lines);
  /** The definition that the current line is in. */
  let owner = definedName(hunk.section);
  let inMacro = false;
  for (const line of lines) {
    const text = line.text.slice(0, MAX_LINE);
    const lexed = lexLine(text, state);
    const { bare } = lexed;
    state = lexed.state;
    const macro = /^#\s?define ([A-Za-z_]\w*)/.exec(bare)?.[1];
    // Within an indented macro body or a brace the name found last still owns the line.
    // Nor does a conditional in a body end it.
    const name = macro ?? (inMacro || /^[\s#]/.test(text) || bare === "" ? undefined : definedName(bare));
    if (name !== undefined) owner = name;
    if (line.kind === side) {
      if (owner !== undefined && bare !== "") defined.add(owner);
      for (const match of bare.matchAll(identifierPattern)) {
        if (match[0].length <= MAX_IDENTIFIER && !keywords.has(match[0])) mentioned.add(match[0]);
      }
    }
    inMacro = (macro !== undefined || inMacro) && text.trimEnd().endsWith("\\");
    if ((macro !== undefined && !inMacro) || /^}/.test(text) || (!/^\s/.test(text) && bare.endsWith(";")))
      owner = undefined;
  }
}

/** A hunk whose first delimiter is an end of comment, or that begins like the inside of one, begins in a comment. */
function guessStart(lines: readonly DiffLine[]): LexState {
  for (const { text } of lines) {
    const open = text.indexOf("/*");
    const close = text.indexOf("*/");
    if (close >= 0 && (open < 0 || close < open)) return "comment";
    if (open >= 0) return "code";
  }
  const blockLines = lines.filter(({ text }) => /^\s*\*(\s|$)/.test(text)).length;
  return blockLines > 0 && blockLines * 2 > lines.length ? "comment" : "code";
}

/** The name that a line at column 0 defines or declares: a macro, a tagged type, a function, a variable. */
function definedName(line: string): string | undefined {
  const text = line.slice(0, MAX_IDENTIFIER * 2).trim();
  const macro = /^#\s*define\s+([A-Za-z_]\w*)/.exec(text);
  if (macro !== null) return macro[1];
  const tagged = /^(?:typedef\s+|static\s+|const\s+)*(?:struct|union|enum)\s+([A-Za-z_]\w*)\s*(?:\{|$)/.exec(text);
  if (tagged !== null) return tagged[1];
  // SYSCALL_DEFINE3(name, ...), DEFINE_PER_CPU(type, name), SYM_FUNC_START(name): a macro call at column 0 names its first argument.
  const wrapped = /^[A-Z][A-Z0-9_]+\(\s*([A-Za-z_]\w*)\s*[,)]/.exec(text);
  if (wrapped !== null) return wrapped[1];
  const label = /^([A-Za-z_]\w*):$/.exec(text);
  if (label !== null) return undefined;
  const call = text.indexOf("(");
  const head = (call >= 0 ? text.slice(0, call) : text.replace(/\s*(=|\[|;|,).*$/s, "")).trim();
  const words = head.match(/[A-Za-z_]\w*/g) ?? [];
  const name = words.at(-1);
  if (name === undefined || keywords.has(name) || !head.endsWith(name)) return undefined;
  // A single word followed by neither "(" nor a type before it is no definition.
  return call >= 0 || words.length > 1 ? name : undefined;
}

/**
 * True when both sides of a C file, header or assembly file differ in comments and blanks alone. Certain or false: a hunk does not show
 * whether it begins inside a block comment, so a changed line counts as comment only where the hunk itself proves it; continued
 * lines, open literals, new files and mode changes are never "only comments". Line numbers may still move.
 */
export function onlyCommentsOrBlank(file: FileDiff): boolean {
  const kind = fileKind(file.path);
  if (kind !== "c" && kind !== "header" && kind !== "asm") return false;
  if (file.status !== "modified" || file.isBinary || file.hunks.length === 0) return false;
  if (file.oldMode !== file.newMode || file.isSymlink) return false;
  return file.hunks.every((hunk) => {
    const start = certainStart(hunk);
    const before = codeOf(hunk, "-", start, kind);
    const after = codeOf(hunk, "+", start, kind);
    return (
      before !== undefined && after !== undefined && before.end === after.end && sameLines(before.code, after.code)
    );
  });
}

/**
 * The state at the hunk's first line as far as its old side proves it, which compiled. An end of comment that no beginning precedes closes a
 * comment that began before the hunk: outside of literals and line comments C has no other use for it. The opposite proves nothing.
 */
function certainStart(hunk: Hunk): LexState {
  if (hunk.oldStart <= 1) return "code";
  for (const { text } of hunk.lines.filter((line) => line.kind !== "+")) {
    const at = text.search(/\/\*|\*\//);
    if (at >= 0) return text[at] === "*" && !/["']|\/\//.test(text.slice(0, at)) ? "comment" : "unknown";
    if (/\\\s*$/.test(text)) return "unknown";
  }
  return "unknown";
}

function sameLines(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((line, index) => line === right[index]);
}

/** Code lines of one side of a hunk and the state behind it; undefined where something is not certain. */
function codeOf(
  hunk: Hunk,
  side: "-" | "+",
  start: LexState,
  kind: string,
): { code: string[]; end: LexState } | undefined {
  const lines = hunk.lines.filter((line) => line.kind === " " || line.kind === side);
  let state = start;
  // The line before the hunk may end in a backslash, which joins lines before comments are seen.
  let continued = hunk.oldStart > 1;
  const code: string[] = [];
  for (const line of lines) {
    const lexed = lexLine(line.text, state);
    const isChanged = line.kind === side;
    const continues = /\\\s*$/.test(line.text);
    // A delimiter that the patch moves decides what the lines behind it are; it needs a certain state before it.
    if (isChanged && (continued || continues || (state === "unknown" && lexed.hasDelimiter))) return undefined;
    if (lexed.isDoubtful) return undefined;
    // Assemblers have other line comments; "//" is not taken for one there.
    const text = kind === "asm" && line.text.includes("//") ? line.text : lexed.code;
    if (text !== "") code.push(text);
    state = lexed.state;
    continued = continues;
  }
  return { code, end: state };
}
