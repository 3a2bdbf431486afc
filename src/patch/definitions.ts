// What a C header defines, and which names each definition needs: lexical, one pass over the text. It ranks the users of a changed header
// and decides nothing, so a form of C that it does not know costs a place in a list.

/** A definition of a header that code may take into itself. */
export interface Definition {
  readonly name: string;
  /** Names that its text needs, itself left out. */
  readonly needs: readonly string[];
}

const COMMENT_OR_LITERAL = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
const WORD = /[A-Za-z_]\w*/g;
/** Longer definitions are tables of data. */
const MAX_WORDS = 4000;
const keywords = new Set(
  (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short " +
    "signed sizeof static struct switch typedef union unsigned void volatile while bool true false NULL u8 u16 u32 u64 s8 s16 s32 s64 size_t " +
    "asm __asm__ volatile __volatile__ __always_inline inline __attribute__ typeof __typeof__ define"
  ).split(" "),
);

/** Macros, inline functions and the types that hold others by value. Linear in the text. */
export function readDefinitions(text: string): Definition[] {
  const clean = text.replace(COMMENT_OR_LITERAL, (match) => (match[0] === "/" ? " " : '""')).replace(/\\\r?\n/g, " ");
  const found: Definition[] = [];
  let body: string[] = [];
  let head = "";
  let depth = 0;
  for (const line of clean.split("\n")) {
    const macro = /^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)(.*)$/.exec(line);
    if (macro !== null) {
      found.push({ name: macro[1] as string, needs: wordsOf(macro[2] as string, macro[1] as string) });
      continue;
    }
    if (/^[ \t]*#/.test(line)) continue;
    if (depth === 0 && body.length === 0) {
      // A head may stand on several lines before its brace.
      head = /^\s*$|;\s*$/.test(line) && !line.includes("{") ? "" : `${head} ${line}`;
      if (!line.includes("{")) continue;
    }
    body.push(line);
    depth += balance(line);
    if (depth > 0) continue;
    addDefinition(head, body.join("\n"), found);
    head = "";
    body = [];
    depth = 0;
  }
  return found;
}

function balance(line: string): number {
  let sum = 0;
  for (let at = 0; at < line.length; at++) {
    const char = line.charCodeAt(at);
    if (char === 0x7b) sum++;
    else if (char === 0x7d) sum--;
  }
  return sum;
}

function addDefinition(head: string, body: string, found: Definition[]): void {
  const before = head.slice(0, head.indexOf("{") < 0 ? head.length : head.indexOf("{"));
  const tagged = /(?:struct|union)\s+(?:__\w+(?:\([^)]*\))?\s+)*([A-Za-z_]\w*)\s*$/.exec(before);
  if (tagged !== null) {
    found.push({ name: tagged[1] as string, needs: heldByValue(body, tagged[1] as string) });
    return;
  }
  const call = /([A-Za-z_]\w*)\s*\(/.exec(before.replace(/\b__\w+\s*\((?:[^()]|\([^()]*\))*\)/g, " "));
  if (call === null) return;
  found.push({ name: call[1] as string, needs: wordsOf(`${before} ${body}`, call[1] as string) });
}

/** "struct x y;" makes a type as large as another is; a pointer does not. */
function heldByValue(body: string, own: string): string[] {
  const names = new Set<string>();
  for (const [, name] of body.matchAll(/\b(?:struct|union)\s+([A-Za-z_]\w*)\s+[A-Za-z_]/g)) names.add(name as string);
  for (const [, name] of body.matchAll(/^\s*([A-Za-z_]\w*)\s+[A-Za-z_]\w*(?:\[[^\]]*\])?\s*;/gm))
    names.add(name as string);
  names.delete(own);
  return [...names].filter((name) => !keywords.has(name));
}

function wordsOf(text: string, own: string): string[] {
  const names = new Set<string>();
  let count = 0;
  for (const [name] of text.matchAll(WORD)) {
    if (++count > MAX_WORDS) break;
    if (name !== own && !keywords.has(name)) names.add(name);
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
  let distance = Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  for (const [name] of text.matchAll(WORD)) {
    const steps = distances.get(name);
    if (steps === undefined) continue;
    seen.add(name);
    if (steps < distance) distance = steps;
  }
  return seen.size === 0 ? undefined : { distance, count: seen.size };
}
