// Whether a compile can come to code that an edit of a header changed, told from the preprocessed text: a static inline function that nothing
// kept mentions, over any number of others like it, leaves no trace in the object. Errs towards yes.

/** What stands in a preprocessed text where a changed macro was expanded. */
export function expansionMark(macro: string): string {
  return `${macro}__objreview_expanded`;
}

/** The header with each of these macros expanding to its mark; a name that it does not define is left as it is. */
export function markMacros(header: string, macros: Iterable<string>): string {
  let text = header;
  for (const name of macros) {
    text = text.replace(
      new RegExp(`^([ \\t]*#[ \\t]*define[ \\t]+${name}(?:\\([^)]*\\))?)(?![\\w(])(?:[^\\n]*\\\\\\n)*[^\\n]*$`, "gm"),
      `$1 ${expansionMark(name)}`,
    );
  }
  return text;
}

export function definesMacro(header: string, name: string): boolean {
  return new RegExp(`^[ \\t]*#[ \\t]*define[ \\t]+${name}\\b`, "m").test(header);
}

/** Start of each declaration or definition at file level; the last entry is the text's length. */
function chunkStarts(text: string): Uint32Array {
  const starts: number[] = [0];
  let depth = 0;
  let isFunction = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x22 || char === 0x27) {
      for (at++; at < text.length && text.charCodeAt(at) !== char; at++) if (text.charCodeAt(at) === 0x5c) at++;
    } else if (char === 0x7b) {
      if (depth === 0) isFunction = isFunctionHead(text.slice(starts.at(-1), at));
      depth++;
    } else if (char === 0x7d) {
      depth--;
      // What follows the brace of a type or of an initial value belongs to it, up to its semicolon.
      if (depth === 0 && isFunction) starts.push(at + 1);
    } else if (char === 0x3b && depth === 0) starts.push(at + 1);
  }
  starts.push(text.length);
  return Uint32Array.from(starts);
}

const ATTRIBUTE = /__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)/g;

function isFunctionHead(head: string): boolean {
  const bare = head.replace(ATTRIBUTE, " ");
  return bare.includes("(") && !bare.includes("=");
}

/**
 * @param text a preprocessed source (-E -P) over the header with its changed macros marked
 * @param names the changed functions, and the marks of the changed macros
 */
export function reaches(text: string, names: Iterable<string>): boolean {
  const starts = chunkStarts(text);
  const done = new Set<string>();
  let front = [...names];
  while (front.length > 0) {
    for (const name of front) done.add(name);
    const mention = new RegExp(`\\b(?:${front.join("|")})\\b`, "g");
    const next = new Set<string>();
    for (let hit = mention.exec(text); hit !== null; hit = mention.exec(text)) {
      const chunk = chunkAt(starts, hit.index);
      const [start, end] = [starts[chunk] as number, starts[chunk + 1] as number];
      const inlined = inlineName(text, start, end);
      if (inlined === undefined) return true;
      if (!done.has(inlined)) next.add(inlined);
      // One mention of a chunk is as good as ten.
      mention.lastIndex = end;
    }
    front = [...next];
  }
  return false;
}

function chunkAt(starts: Uint32Array, at: number): number {
  let [low, high] = [0, starts.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= at) low = middle;
    else high = middle;
  }
  return low;
}

/** The name of the static inline function that a chunk defines. */
function inlineName(text: string, start: number, end: number): string | undefined {
  const brace = text.indexOf("{", start);
  if (brace < 0 || brace >= end) return undefined;
  const head = text.slice(start, brace);
  if (!/\bstatic\b/.test(head) || !/\b(__)?inline(__)?\b/.test(head) || head.includes("=")) return undefined;
  return /([A-Za-z_]\w*)\s*\(/.exec(head.replace(ATTRIBUTE, " "))?.[1];
}
