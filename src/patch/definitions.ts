// What a C header defines, and which names each definition needs: lexical, one pass over the text. It ranks the users of a changed header
// and decides nothing, so a form of C that it does not know costs a place in a list.

/** A definition of a header that code may take into itself. */
export interface Definition {
  /** As code names it: "low_of", "LIMIT", an enumerator; a tagged type with its word, "struct outer". */
  readonly name: string;
  /** Names that its text needs, itself left out, in the same form. */
  readonly needs: readonly string[];
  /** 1-based lines of the text that it stands on, both included. */
  readonly first: number;
  readonly last: number;
}

const COMMENT_OR_LITERAL = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
/** A name; of a tagged type together with its word. */
const NAME = /(?:\b(struct|union|enum)\s+)?\b([A-Za-z_]\w*)/g;
/** Longer definitions are tables of data. */
const MAX_WORDS = 4000;
export const keywords: ReadonlySet<string> = new Set(
  (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short " +
    "signed sizeof static struct switch typedef union unsigned void volatile while bool true false NULL u8 u16 u32 u64 s8 s16 s32 s64 size_t " +
    "asm __asm__ volatile __volatile__ __always_inline inline __attribute__ typeof __typeof__ define"
  ).split(" "),
);

/** Macros, inline functions, enumerators, and the types that hold others by value. Linear in the text. */
export function readDefinitions(text: string): Definition[] {
  const lines = withoutComments(text).split("\n");
  const found: Definition[] = [];
  let body: string[] = [];
  let head = "";
  let first = 0;
  let depth = 0;
  for (let at = 0; at < lines.length; at++) {
    const start = at;
    let line = lines[at] as string;
    const parts = [line];
    while (line.endsWith("\\") && at + 1 < lines.length) {
      parts[parts.length - 1] = line.slice(0, -1);
      line = lines[++at] as string;
      parts.push(line);
    }
    if (parts.length > 1) line = parts.join(" ");
    const place = { first: start + 1, last: at + 1 };
    const macro = /^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)(.*)$/.exec(line);
    if (macro !== null) {
      const name = macro[1] as string;
      found.push({ name, needs: wordsOf(macro[2] as string, name), ...place });
      continue;
    }
    if (/^[ \t]*#/.test(line)) continue;
    if (depth === 0 && body.length === 0) {
      if (head.trim() === "") first = start + 1;
      // A head may stand on several lines before its brace.
      if (!line.includes("{")) {
        addAlias(line, place, found);
        head = /^\s*$|;\s*$/.test(line) ? "" : `${head} ${line}`;
        continue;
      }
    }
    body.push(line);
    // A brace in the first column ends what is open, whatever branches of #ifdef opened.
    depth = line.startsWith("}") ? 0 : depth + balance(line);
    if (depth > 0) continue;
    addDefinition(`${head}\n${body.join("\n")}`.trimStart(), { first, last: at + 1 }, found);
    head = "";
    body = [];
    depth = 0;
  }
  return found;
}

/** Names of the definitions that cover one of these lines; of an enumeration the enumerators there, not all. */
export function definedOn(definitions: readonly Definition[], lines: readonly number[]): Set<string> {
  return new Set(
    definitions.flatMap(({ name, first, last }) => (lines.some((line) => first <= line && line <= last) ? [name] : [])),
  );
}

/** Without what the compiler does not see; lines stay where they are. */
export function withoutComments(text: string): string {
  return text
    .replace(COMMENT_OR_LITERAL, (match) => (match[0] === "/" ? ` ${match.replace(/[^\n]+/g, "")}` : '""'))
    .replaceAll("\r\n", "\n");
}

type Lines = Pick<Definition, "first" | "last">;

function balance(line: string): number {
  let sum = 0;
  for (let at = 0; at < line.length; at++) {
    const char = line.charCodeAt(at);
    if (char === 0x7b) sum++;
    else if (char === 0x7d) sum--;
  }
  return sum;
}

function addDefinition(text: string, lines: Lines, found: Definition[]): void {
  const brace = text.indexOf("{");
  const before = text.slice(0, brace < 0 ? text.length : brace);
  const inside = brace < 0 ? "" : text.slice(brace + 1);
  const tagged = /\b(struct|union|enum)(?:\s+__\w+(?:\([^)]*\))?)*(?:\s+([A-Za-z_]\w*))?\s*$/.exec(before);
  if (tagged !== null) {
    const [, word, tag] = tagged;
    const own = tag === undefined ? undefined : `${word} ${tag}`;
    if (word === "enum") addEnumerators(text, lines, found);
    const needs = word === "enum" ? [] : heldByValue(inside, own);
    // The enumerators stand for the lines of an enumeration.
    if (own !== undefined) found.push({ name: own, needs, ...(word === "enum" ? { first: 0, last: -1 } : lines) });
    const alias = /^\s*typedef\b/.test(before)
      ? /\}\s*(?:__\w+\s*)*([A-Za-z_]\w*)[^{}]*;\s*$/.exec(text)?.[1]
      : undefined;
    if (alias !== undefined) found.push({ name: alias, needs: own === undefined ? needs : [own], ...lines });
    return;
  }
  const call = /([A-Za-z_]\w*)\s*\(/.exec(before.replace(/\b__\w+\s*\((?:[^()]|\([^()]*\))*\)/g, " "));
  if (call === null) return;
  const name = call[1] as string;
  found.push({ name, needs: wordsOf(text, name), ...lines });
}

/** "typedef struct x x_t;": another name for a type; one for a pointer to it does not change with it. */
function addAlias(line: string, lines: Lines, found: Definition[]): void {
  const alias = /^typedef\s+([^*()]+?)\s*\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\])?;/.exec(line);
  if (alias === null) return;
  found.push({ name: alias[2] as string, needs: wordsOf(alias[1] as string, alias[2] as string), ...lines });
}

/** Each takes its value from the one before it, or from what it is set to. */
function addEnumerators(text: string, { first }: Lines, found: Definition[]): void {
  let start = text.indexOf("{") + 1;
  let line = first + countLines(text, 0, start);
  let before: string | undefined;
  let depth = 0;
  for (let at = start; at <= text.length; at++) {
    const char = text[at] ?? "}";
    if (char === "(") depth++;
    else if (char === ")") depth--;
    if ((char !== "," || depth > 0) && char !== "}") continue;
    const item = text.slice(start, at);
    const name = /^\s*([A-Za-z_]\w*)/.exec(item)?.[1];
    if (name !== undefined) {
      const lead = countLines(item, 0, item.indexOf(name));
      const value = /=([\s\S]*)$/.exec(item)?.[1];
      const needs = value !== undefined ? wordsOf(value, name) : before === undefined ? [] : [before];
      found.push({ name, needs, first: line + lead, last: line + countLines(item.trimEnd(), 0, item.length) });
      before = name;
    }
    line += countLines(item, 0, item.length);
    if (char === "}") break;
    start = at + 1;
  }
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** "struct x y;" makes a type as large as another is; a pointer does not. Nor does it hang on what the elements of an array are counted by. */
function heldByValue(body: string, own: string | undefined): string[] {
  const names = new Set<string>();
  for (const [, word, name] of body.matchAll(/\b(struct|union)\s+([A-Za-z_]\w*)\s+[A-Za-z_]/g))
    names.add(`${word} ${name}`);
  for (const [, name] of body.matchAll(/^\s*([A-Za-z_]\w*)\s+[A-Za-z_]\w*(?:\[[^\]]*\])*\s*;/gm))
    names.add(name as string);
  for (const [, size] of body.matchAll(/\[([^\]]+)\]/g))
    for (const name of wordsOf(size as string, "")) names.add(name);
  // DECLARE_BITMAP(bits, COUNT);
  for (const [, call, inside] of body.matchAll(/^\s*([A-Z_][A-Z0-9_]*)\s*\(([^();]*)\)\s*;/gm)) {
    names.add(call as string);
    for (const name of wordsOf(inside as string, "")) names.add(name);
  }
  if (own !== undefined) names.delete(own);
  return [...names].filter((name) => !keywords.has(name));
}

function wordsOf(text: string, own: string): string[] {
  const names = new Set<string>();
  let count = 0;
  for (const [, word, name] of text.matchAll(NAME)) {
    if (++count > MAX_WORDS) break;
    if (word !== undefined) names.add(`${word} ${name}`);
    else if (name !== own && !keywords.has(name as string)) names.add(name as string);
  }
  return [...names];
}

/** Name -> how many definitions away it is from a changed name: 0 for those themselves. */
export type Distances = ReadonlyMap<string, number>;

/**
 * Names whose meaning hangs on one of `changed`, over the definitions of headers.
 * @param most names beyond which nothing is said of the rest: what half of the kernel is made of ranks nobody
 */
export function spreadChange(definitions: Iterable<Definition>, changed: Iterable<string>, most = 4000): Distances {
  const users = new Map<string, string[]>();
  for (const { name, needs } of definitions) {
    for (const needed of needs) {
      const list = users.get(needed);
      if (list === undefined) users.set(needed, [name]);
      else list.push(name);
    }
  }
  const distance = new Map<string, number>();
  let front = [...new Set(changed)];
  for (const name of front) distance.set(name, 0);
  for (let steps = 1; front.length > 0 && distance.size < most; steps++) {
    const next: string[] = [];
    for (const name of front) {
      for (const user of users.get(name) ?? []) {
        if (distance.has(user)) continue;
        distance.set(user, steps);
        next.push(user);
      }
    }
    front = next;
  }
  return distance;
}

/** The least distance of a name in a source's text, and how many such names there are; undefined where it names none. */
export function nearestUse(text: string, distances: Distances): { distance: number; count: number } | undefined {
  // Most texts have none of a few names, and searching for those is ten times as fast as reading every word.
  if (distances.size <= FEW_NAMES && ![...distances.keys()].some((name) => text.includes(lastWord(name))))
    return undefined;
  let distance = Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  for (const [, word, name] of text.matchAll(NAME)) {
    const full = word === undefined ? (name as string) : `${word} ${name}`;
    const steps = distances.get(full);
    if (steps === undefined) continue;
    seen.add(full);
    if (steps < distance) distance = steps;
  }
  return seen.size === 0 ? undefined : { distance, count: seen.size };
}

const FEW_NAMES = 40;

/** "key" of "struct key", which may be written with any blank between. */
function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(" ") + 1);
}
