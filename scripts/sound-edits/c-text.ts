// As much of C as kernel style gives away without parsing it: a function's brace stands alone in the first column. What that gets wrong
// does not compile, and an edit that does not compile is thrown away.

export interface CFunction {
  readonly name: string;
  /** Line numbers from 0. The comment above belongs to the function. */
  readonly start: number;
  readonly header: number;
  /** The line of the opening brace. */
  readonly open: number;
  /** The line of the closing brace, or of the EXPORT_SYMBOL lines that follow it. */
  readonly end: number;
  readonly close: number;
}

/** The functions of a file that are written in kernel style and hold no preprocessor line. */
export function findFunctions(lines: readonly string[]): CFunction[] {
  const found: CFunction[] = [];
  for (let open = 1; open < lines.length; open++) {
    if (lines[open] !== "{") continue;
    let header = open;
    while (header > 0 && !/^$|^#|[;}]\s*$|\*\/\s*$|\\$/.test(lines[header - 1]!)) header--;
    if (header === open) continue;
    const declared = lines.slice(header, open).join(" ");
    const name = (/^(?:COMPAT_)?SYSCALL_DEFINE\d\((\w+)/.exec(declared) ?? /([a-z_]\w*)\s*\(/.exec(declared))?.[1];
    const close = lines.indexOf("}", open);
    if (name === undefined || close < 0) continue;
    let start = header;
    if (/\*\/\s*$/.test(lines[header - 1] ?? "")) {
      start = header - 1;
      while (start > 0 && !/^\s*\/\*/.test(lines[start]!)) start--;
    }
    let end = close;
    while (/^(EXPORT_|NOKPROBE_|ALLOW_ERROR|STACK_FRAME_NON)\w*\(.*\);\s*$/.test(lines[end + 1] ?? "")) end++;
    if (lines.slice(header, end + 1).some((line) => /^\s*#/.test(line) || line.endsWith("\\"))) continue;
    found.push({ name, start, header, open, end, close });
  }
  return found;
}

/** The lines with every use of an identifier renamed; strings stay, and so do fields (`x.name`, `x->name`). */
export function renameIdentifier(lines: readonly string[], from: string, to: string): string[] {
  const use = new RegExp(`(?<![\\w$]|\\.|->)${from}\\b`, "g");
  return lines.map((line) =>
    line
      .split(/("(?:[^"\\]|\\.)*")/)
      .map((part, i) => (i % 2 === 1 ? part : part.replace(use, to)))
      .join(""),
  );
}

export function mentions(lines: readonly string[], name: string): boolean {
  const use = new RegExp(`\\b${name}\\b`);
  return lines.some((line) => use.test(line));
}

/**
 * Code in which a call is not sound everywhere: user access may be open, or instrumentation off. Whoever makes a call of what was inlined, or
 * adds one, may plant a real defect there.
 */
export function isDelicate(text: string): boolean {
  return /user_(read_|write_)?access_begin|unsafe_(get|put|copy)_|__uaccess_|\bstac\(|noinstr|instrumentation_begin|__always_inline|asm_inline|\basm (volatile|goto)?/.test(
    text,
  );
}
