// The least of C's lexical structure that a diff needs: where comments and literals are, line by line, when the text before is not known.

/** "unknown": the line may begin inside a block comment or outside; a diff does not show. */
export type LexState = "code" | "comment" | "unknown";

export interface LexedLine {
  /** The line without comments and surrounding blanks; runs of blanks outside literals are one blank. Of an unknown line, the raw text so treated. */
  readonly code: string;
  /** `code` with the inside of string and character literals removed. */
  readonly bare: string;
  /** State behind the line. */
  readonly state: LexState;
  /** A comment begins or ends on the line. */
  readonly hasDelimiter: boolean;
  /** What was read may be wrong: an open literal, or quotes and delimiters on a line of unknown state. */
  readonly isDoubtful: boolean;
}

const isBlank = (char: string): boolean =>
  char === " " || char === "\t" || char === "\r" || char === "\f" || char === "\v";

/** Reads one line in linear time. */
export function lexLine(text: string, before: LexState): LexedLine {
  let state = before;
  let code = "";
  let bare = "";
  let hasDelimiter = false;
  let isDoubtful = false;
  let sawQuote = false;
  // A pending blank, written before the next character: asking a growing string for its end would make long lines quadratic.
  let gap = false;
  const add = (forCode: string, forBare: string): void => {
    if (gap && code !== "") {
      code += " ";
      bare += " ";
    }
    gap = false;
    code += forCode;
    bare += forBare;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    const next = text[at + 1];
    if (char === "*" && next === "/" && state !== "code") {
      // Whatever the line began in, code follows; quotes before it may have hidden the end in a literal.
      if (state === "unknown") {
        isDoubtful ||= sawQuote;
        code = "";
        bare = "";
      }
      state = "code";
      hasDelimiter = true;
      at++;
      gap = true;
    } else if (state === "comment") {
    } else if (char === "/" && next === "*") {
      // In a comment it means nothing and a comment it stays; in code it opens one.
      if (state === "unknown") isDoubtful ||= sawQuote;
      state = "comment";
      hasDelimiter = true;
      at++;
      gap = true;
    } else if (char === "/" && next === "/") {
      const rest = text.slice(at + 2);
      if (state === "unknown" && (rest.includes("*/") || rest.includes("/*"))) isDoubtful = true;
      if (rest.trimEnd().endsWith("\\")) isDoubtful = true;
      break;
    } else if (char === '"' || char === "'") {
      sawQuote = true;
      // In a comment an apostrophe opens nothing, so of an unknown line it is a character.
      const end = state === "unknown" ? at : literalEnd(text, at, char);
      if (end < 0) {
        isDoubtful = true;
        add(text.slice(at), char);
        break;
      }
      add(text.slice(at, end + 1), end === at ? char : char + char);
      at = end;
    } else if (isBlank(char)) gap = true;
    else add(char, char);
  }
  // Blanks count inside a literal, and an unknown line with quotes may have one.
  if (state === "unknown" && sawQuote) code = text;
  return { code, bare, state, hasDelimiter, isDoubtful };
}

function literalEnd(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}
