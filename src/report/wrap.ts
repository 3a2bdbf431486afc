// Plain text at a fixed width. Width is counted in code points: what a terminal makes of a wide character is its own affair.

/** Columns of a mail body and of plain reports. */
export const TEXT_WIDTH = 76;

/** Number of code points. */
export function textWidth(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Pads with spaces on the right to `width` code points. Longer text is returned as it is. */
export function padRight(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** Pads with spaces on the left to `width` code points. */
export function padLeft(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - textWidth(text))) + text;
}

/** At most `width` code points (at least 4 wide); what is longer ends in "...". */
export function clip(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  return `${[...text]
    .slice(0, Math.max(1, width - 3))
    .join("")
    .trimEnd()}...`;
}

/** At most `width` code points; what is longer begins with "...": for paths, whose end says more. */
export function clipStart(text: string, width: number): string {
  const points = [...text];
  return points.length <= width ? text : `...${points.slice(points.length - Math.max(1, width - 3)).join("")}`;
}

function splitLongWord(word: string, width: number): string[] {
  const points = [...word];
  const parts: string[] = [];
  for (let at = 0; at < points.length; at += width) parts.push(points.slice(at, at + width).join(""));
  return parts;
}

export interface WrapOptions {
  readonly width?: number;
  /** Before the first line. */
  readonly first?: string;
  /** Before every further line. Default: as many spaces as `first` is wide. */
  readonly rest?: string;
}

/** One paragraph as lines of at most `width` code points, prefixes included. A word that is wider than a line is split. */
export function wrapText(text: string, options: WrapOptions = {}): string[] {
  const width = options.width ?? TEXT_WIDTH;
  const first = options.first ?? "";
  const rest = options.rest ?? " ".repeat(textWidth(first));
  const room = Math.max(8, width - Math.max(textWidth(first), textWidth(rest)));
  const lines: string[] = [];
  let line = "";
  let lineWidth = 0;
  const flush = () => {
    lines.push(((lines.length === 0 ? first : rest) + line).trimEnd());
    line = "";
    lineWidth = 0;
  };
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    for (const part of textWidth(word) > room ? splitLongWord(word, room) : [word]) {
      const partWidth = textWidth(part);
      if (lineWidth > 0 && lineWidth + 1 + partWidth > room) flush();
      line += lineWidth > 0 ? ` ${part}` : part;
      lineWidth += partWidth + (lineWidth > 0 ? 1 : 0);
    }
  }
  if (lineWidth > 0 || lines.length === 0) flush();
  return lines;
}

/** "a", "a and b", "a, b and c". */
export function joinWords(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/** "1 finding", "2 findings". */
export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
