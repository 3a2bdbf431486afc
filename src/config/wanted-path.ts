// Which paths a configuration names: patterns from the top of the tree with * (no slash) and ** (any), a folder by its final slash.

export interface PathChoice {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether a touched path is one that is wanted. An empty include means all. */
export function isWantedPath(path: string, { include, exclude }: PathChoice): boolean {
  const matches = (patterns: readonly string[]) => patterns.some((each) => matchesPattern(path, each));
  return (include.length === 0 || matches(include)) && !matches(exclude);
}

/** Linear in path times pattern: no regular expression is made from what a file says. */
function matchesPattern(path: string, text: string): boolean {
  const pattern = text.endsWith("/") ? `${text}**` : text;
  // Rows of the usual table: reach[i] says that the pattern so far covers path.slice(0, i).
  let reach = new Array<boolean>(path.length + 1).fill(false);
  reach[0] = true;
  for (let p = 0; p < pattern.length; p++) {
    const isDeep = pattern[p] === "*" && pattern[p + 1] === "*";
    const next = new Array<boolean>(path.length + 1).fill(false);
    for (let i = 0; i <= path.length; i++) {
      if (pattern[p] === "*") {
        next[i] = reach[i]! || (i > 0 && next[i - 1]! && (isDeep || path[i - 1] !== "/"));
      } else next[i] = i > 0 && reach[i - 1]! && path[i - 1] === pattern[p];
    }
    if (isDeep) {
      p++;
      // "a/**/b" is also "a/b".
      if (pattern[p + 1] === "/") {
        const skipped = new Array<boolean>(path.length + 1).fill(false);
        for (let i = 0; i <= path.length; i++) skipped[i] = reach[i]! || (i > 0 && next[i - 1]! && path[i - 1] === "/");
        reach = skipped;
        p++;
        continue;
      }
    }
    reach = next;
  }
  return reach[path.length]!;
}
