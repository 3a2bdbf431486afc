// Paths as the compiler wrote them: always with "/" (the kernel builds on nothing else), and text only, so no link is followed.

/** `path` below `directory` unless it is absolute, with "." and ".." folded away. A leading ".." of a relative path stays. */
export function joinPath(directory: string, path: string): string {
  const whole = path.startsWith("/") || directory === "" ? path : `${directory}/${path}`;
  const absolute = whole.startsWith("/");
  const kept: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept[kept.length - 1] !== "..") kept.pop();
    else if (!absolute) kept.push(part);
  }
  return (absolute ? "/" : "") + kept.join("/");
}

/** `path` relative to the first of `prefixes` (directories, with or without a final "/") that holds it, else as it is. */
export function stripPrefix(path: string, prefixes: readonly string[]): string {
  for (const prefix of prefixes) {
    const directory = prefix.endsWith("/") ? prefix : `${prefix}/`;
    if (path.length > directory.length && path.startsWith(directory)) return path.slice(directory.length);
  }
  return path;
}
