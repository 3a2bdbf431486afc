// HTML text that cannot be anything but text: the `html` tag escapes what is put into it, always, in element content and in
// double-quoted attributes alike. What is markup already says so by its type.

import { safeText } from "./safe.ts";

const MAX_TEXT = 500;

/** Markup that was made here. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Insertable = string | number | undefined | Markup | readonly Insertable[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for element content or a quoted attribute: control and bidi characters visible, five characters as entities. */
export function escapeHtml(text: string): string {
  return safeText(text, { max: MAX_TEXT }).replaceAll(/[&<>"']/g, (char) => ENTITIES[char]!);
}

function insert(value: Insertable): string {
  if (value === undefined) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  return value.map(insert).join("");
}

/** Template tag: html`<p>${text}</p>`. Attributes stand in double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  let out = parts[0]!;
  for (let i = 0; i < values.length; i++) out += insert(values[i]) + parts[i + 1]!;
  return new Markup(out);
}

export const NOTHING = new Markup("");
