import type { DiffFail } from "./file-diff.ts";

// File names in diff headers. git quotes names with control characters, quotes, backslashes and (core.quotePath) bytes over 127 as in C,
// with octal escapes per byte; other names stand bare, with a tab behind them in "---" and "+++" lines when they hold a blank.

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();
const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };

/** The name in a C-quoted string that begins at `text[0]`, and how many characters it took. */
function unquote(text: string, textLine: number, fail: DiffFail): { name: string; length: number } {
  const bytes: number[] = [];
  for (let at = 1; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') {
      try {
        const name = strictUtf8.decode(Uint8Array.from(bytes));
        return { name, length: at + 1 };
      } catch {
        throw fail("unsupported", "file name that is not UTF-8", textLine);
      }
    }
    if (char !== "\\") {
      const code = text.codePointAt(at) as number;
      bytes.push(...encoder.encode(String.fromCodePoint(code)));
      if (code > 0xffff) at++;
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
    const escaped = octal === undefined ? escapes[text[at + 1] ?? ""] : Number.parseInt(octal, 8);
    if (escaped === undefined) throw fail("bad-value", "unknown escape in a quoted file name", textLine);
    bytes.push(escaped);
    at += octal === undefined ? 1 : 3;
  }
  throw fail("bad-value", "quoted file name without its closing quote", textLine);
}

/** `path` without its first component ("a/", "b/"), as `git apply -p1` reads it; undefined where nothing is left. */
function stripFirst(path: string): string | undefined {
  const slash = path.indexOf("/");
  const rest = slash < 0 ? "" : path.slice(slash + 1).replace(/^\/+/, "");
  return rest === "" ? undefined : rest;
}

/** The name in a "---", "+++", "rename" or "copy" line; undefined for /dev/null. */
export function readHeaderName(
  text: string,
  how: { readonly stripFirst: boolean; readonly endsAtTab: boolean },
  textLine: number,
  fail: DiffFail,
): string | undefined {
  const bare = text.replace(/\r$/, "");
  const name = bare.startsWith('"')
    ? unquote(bare, textLine, fail).name
    : how.endsAtTab
      ? (bare.split("\t", 1)[0] as string)
      : bare;
  if (how.stripFirst && name === "/dev/null") return undefined;
  if (!how.stripFirst) return name;
  const stripped = stripFirst(name);
  if (stripped === undefined)
    throw fail("bad-value", `file name without a leading "a/" or "b/": ${name.slice(0, 100)}`, textLine);
  return stripped;
}

/**
 * The name in "diff --git a/NAME b/NAME"; undefined where the two differ or cannot be told apart. Only asked where no other line names the
 * file: a mode change, an empty or a binary file.
 */
export function readGitNames(rest: string, textLine: number, fail: DiffFail): string | undefined {
  const text = rest.replace(/\r$/, "");
  if (text.startsWith('"')) {
    const first = unquote(text, textLine, fail);
    const second = text.slice(first.length).trimStart();
    const secondName = second.startsWith('"') ? unquote(second, textLine, fail).name : second;
    const name = stripFirst(first.name);
    return name !== undefined && name === stripFirst(secondName) ? name : undefined;
  }
  if (text.endsWith('"')) {
    const quote = text.indexOf(' "');
    if (quote < 0) return undefined;
    const name = stripFirst(text.slice(0, quote));
    return name !== undefined && name === stripFirst(unquote(text.slice(quote + 1), textLine, fail).name)
      ? name
      : undefined;
  }
  const nameStart = text.indexOf("/") + 1;
  if (nameStart === 0) return undefined;
  for (let blank = text.indexOf(" ", nameStart); blank >= 0; blank = text.indexOf(" ", blank + 1)) {
    const secondStart = text.indexOf("/", blank + 1) + 1;
    if (secondStart === 0) return undefined;
    const length = blank - nameStart;
    if (
      length > 0 &&
      length === text.length - secondStart &&
      text.startsWith(text.slice(nameStart, blank), secondStart)
    ) {
      return text.slice(nameStart, blank);
    }
  }
  return undefined;
}

/** diff(1) puts a time stamp behind the name; one of the epoch marks a file that does not exist. */
const stampPattern = /[\t ]+(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[^\t]*$/;
const epochPattern = /^(1969-12-31|1970-01-01) /;

/** Names and existence of the two sides of a diff without "diff --git" line. */
export function readTraditionalNames(
  oldText: string,
  newText: string,
  textLine: number,
  fail: DiffFail,
): { oldPath?: string; newPath?: string; isNew: boolean; isDelete: boolean } {
  const side = (text: string) => {
    const tail = text.slice(-80);
    const stamp = stampPattern.exec(tail);
    const bare = stamp === null ? text : text.slice(0, text.length - tail.length + stamp.index);
    const name = readHeaderName(bare, { stripFirst: true, endsAtTab: true }, textLine, fail);
    return { name, isMissing: name === undefined || (stamp !== null && epochPattern.test(stamp[1] as string)) };
  };
  const before = side(oldText);
  const after = side(newText);
  if (before.name === undefined && after.name === undefined)
    throw fail("bad-value", "both sides are /dev/null", textLine);
  if (before.isMissing) return { newPath: (after.name ?? before.name) as string, isNew: true, isDelete: false };
  if (after.isMissing) return { oldPath: (before.name ?? after.name) as string, isNew: false, isDelete: true };
  // git takes one name for both sides: the new one, unless it only adds to the old one (".orig" and the like).
  const [oldName, newName] = [before.name as string, after.name as string];
  const path = newName.startsWith(oldName) ? oldName : newName;
  return { oldPath: path, newPath: path, isNew: false, isDelete: false };
}
