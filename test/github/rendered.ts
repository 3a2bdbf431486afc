// What GitHub would make of Markdown: a GFM renderer, and the filters that run over its text afterwards (mentions and references,
// outside of code and links).
import { marked } from "marked";

export interface Shown {
  readonly html: string;
  /** Names of the elements in order. */
  readonly elements: readonly string[];
  /** Contents of the code elements. */
  readonly codes: readonly string[];
  readonly text: string;
  readonly mentions: readonly string[];
  readonly references: readonly string[];
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', commat: "@", num: "#" };

function decode(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) =>
    decimal !== undefined
      ? String.fromCodePoint(Number(decimal))
      : hex !== undefined
        ? String.fromCodePoint(Number.parseInt(hex, 16))
        : (NAMED[name] ?? whole),
  );
}

export function shownByGithub(markdown: string): Shown {
  const html = marked.parse(markdown, { gfm: true, async: false });
  const withoutComments = html.replaceAll(/<!--[\s\S]*?-->/g, "");
  const elements = [...withoutComments.matchAll(/<([a-z][a-z0-9]*)/gi)].map((match) => match[1]!.toLowerCase());
  const codes = [...withoutComments.matchAll(/<code[^>]*>([\s\S]*?)<\/code>/g)].map((match) => decode(match[1]!));
  const strip = (part: string) => decode(part.replaceAll(/<[^>]*>/g, ""));
  const plain = strip(withoutComments.replaceAll(/<(code|pre|a)\b[^>]*>[\s\S]*?<\/\1>/g, " "));
  return {
    html,
    elements,
    codes,
    text: strip(withoutComments).trim(),
    mentions: [...plain.matchAll(/(?<![\w`])@[a-z0-9][\w-]*/gi)].map((match) => match[0]),
    references: [...plain.matchAll(/#\d+|\bGH-\d+/gi)].map((match) => match[0]),
  };
}
