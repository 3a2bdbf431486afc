// "/objreview ..." in a comment of a pull request (design 9). Only a line that begins with it counts, outside of code, quotes and
// HTML comments: what somebody shows or answers to is not meant.

export type Command =
  | { readonly name: "recheck"; readonly profile?: string; readonly base?: string }
  | { readonly name: "explain"; readonly finding: string }
  | { readonly name: "waive"; readonly finding: string; readonly reason: string }
  /** `sha`: of the head that was looked at; absent: the head at the time of the comment. */
  | { readonly name: "approve"; readonly sha?: string }
  | { readonly name: "help" };

export interface ParsedLine {
  /** 1-based line of the comment. */
  readonly line: number;
  readonly command?: Command;
  /** One sentence without a full stop, where it is no command: for the answer, words of the comment are in it. */
  readonly error?: string;
}

const PREFIX = /^\/objreview(?=[ \t]|$)/;
/** More in one comment is a mistake or worse; the rest is not read. */
export const MAX_COMMANDS = 5;
const MAX_COMMENT_CHARACTERS = 65_536;
const MAX_LINE = 1000;

/** The lines meant for the bot, in order. Never throws. */
export function parseCommands(comment: string): ParsedLine[] {
  const found: ParsedLine[] = [];
  commandLines(comment.slice(0, MAX_COMMENT_CHARACTERS)).forEach(({ line, text }) => {
    if (found.length >= MAX_COMMANDS) return;
    found.push({ line, ...parseLine(text.slice(0, MAX_LINE)) });
  });
  return found;
}

/** Lines at the top level of the Markdown that begin with the prefix. CommonMark 0.31: 4.5 fences, 4.6 HTML comments, 5.1 quotes. */
function commandLines(comment: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  let fence: string | undefined;
  let isHidden = false;
  let isQuote = false;
  comment.split(/\r\n|\n|\r/).forEach((text, i) => {
    if (fence !== undefined) {
      const close = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(text)?.[1];
      if (close !== undefined && close[0] === fence[0] && close.length >= fence.length) fence = undefined;
      return;
    }
    if (isHidden) {
      isHidden = !text.includes("-->");
      return;
    }
    const open = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/.exec(text)?.[1];
    if (open !== undefined) {
      fence = open;
      isQuote = false;
      return;
    }
    const hides = text.lastIndexOf("<!--");
    if (hides >= 0 && !text.includes("-->", hides + 4)) isHidden = true;
    if (/^ {0,3}>/.test(text)) {
      isQuote = true;
      return;
    }
    // A paragraph in a quote goes on without the sign; only a blank line ends it for sure.
    if (text.trim() === "") isQuote = false;
    if (!isQuote && PREFIX.test(text)) found.push({ line: i + 1, text });
  });
  return found;
}

/** Words by blanks; "..." and '...' hold blanks together, a backslash takes the next sign in "...". Undefined: no closing quote. */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else if (char === "\\" && quote === '"' && i + 1 < text.length) word += text[++i]!;
      else word += char;
    } else if ((char === '"' || char === "'") && (word === undefined || word.endsWith("="))) {
      // Only at the start of a word or value: "doesn't" is a word.
      quote = char;
      word ??= "";
    } else if (char === " " || char === "\t") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== undefined) return undefined;
  return word === undefined ? words : [...words, word];
}

type Parsed = { command: Command } | { error: string };

function parseLine(text: string): Parsed {
  const words = splitWords(text.replace(PREFIX, ""));
  if (words === undefined) return { error: "a quote is not closed" };
  const [name, ...args] = words;
  switch (name?.toLowerCase()) {
    case undefined:
    case "help":
      return { command: { name: "help" } };
    case "recheck":
      return parseRecheck(args);
    case "explain":
      return args.length === 1 && isFindingId(args[0]!)
        ? { command: { name: "explain", finding: args[0]! } }
        : { error: "explain takes the id of one finding, as in: /objreview explain f1" };
    case "waive": {
      const reason = args.slice(1).join(" ").trim();
      if (args[0] === undefined || !isFindingId(args[0]) || reason === "") {
        return {
          error: "waive takes the id of a finding and a reason, as in: /objreview waive f1 the caller checks it",
        };
      }
      return { command: { name: "waive", finding: args[0], reason: reason.slice(0, 300) } };
    }
    case "approve": {
      const sha = args[0]?.toLowerCase();
      if (args.length > 1 || (sha !== undefined && !/^[0-9a-f]{12,64}$/.test(sha))) {
        return { error: "approve takes nothing, or at least 12 digits of the head's commit id" };
      }
      return { command: sha === undefined ? { name: "approve" } : { name: "approve", sha } };
    }
    default:
      return {
        error: `there is no command ${name!.slice(0, 40)}; known are recheck, explain, waive, approve and help`,
      };
  }
}

/** The short id of a report ("f1"), or a topic's key or the beginning of its digits. */
function isFindingId(text: string): boolean {
  return /^(f\d{1,6}|[0-9a-f]{8,28}(\.\d{1,6})?)$/.test(text);
}

function parseRecheck(args: readonly string[]): Parsed {
  const options: { profile?: string; base?: string } = {};
  for (const arg of args) {
    const match = /^(profile|base)=(.*)$/s.exec(arg);
    if (match === null) return { error: `recheck takes profile=... and base=..., not ${arg.slice(0, 40)}` };
    const [, key, value] = match as unknown as [string, "profile" | "base", string];
    if (options[key] !== undefined) return { error: `${key}= is said twice` };
    // As in the configuration file: never a path upwards, never an option of git.
    const isGood = key === "profile" ? /^[A-Za-z0-9][\w.+-]{0,79}$/ : /^(?!.*\.\.)[A-Za-z0-9][\w./-]{0,199}$/;
    if (!isGood.test(value))
      return {
        error: `${key}=${value.slice(0, 40)} is no name of ${key === "profile" ? "a profile" : "a branch, tag or commit"}`,
      };
    options[key] = value;
  }
  return { command: { name: "recheck", ...options } };
}

/** The answer to help, and to a line that is no command. */
export function helpText(docsUrl?: string): string {
  return [
    "| command | what it does | who may |",
    "| --- | --- | --- |",
    "| `/objreview recheck [profile=…] [base=…]` | reviews this head again | the author, writers |",
    "| `/objreview explain <id>` | shows a finding with its whole way | the author, writers |",
    "| `/objreview waive <id> <reason>` | takes a finding as it is | writers |",
    "| `/objreview approve [commit]` | lets this head be built | writers |",
    "",
    `A command stands at the start of a line.${docsUrl === undefined ? "" : ` [More](${docsUrl}).`}`,
  ].join("\n");
}
