// "/objreview ..." in a comment of a pull request (design 9). Only a line that begins with it counts, outside of code, quotes and
// HTML comments: what somebody shows or answers to is not meant.

import {
  type CommonCommand,
  MAX_COMMAND_LINE,
  MAX_COMMANDS,
  type ReadCommand,
  readCommonCommand,
  splitWords,
} from "../base/commands.ts";

export type Command =
  | CommonCommand
  /** `sha`: of the head that was looked at; absent: the head at the time of the comment. */
  | { readonly name: "approve"; readonly sha?: string };

export interface ParsedLine {
  /** 1-based line of the comment. */
  readonly line: number;
  readonly command?: Command;
  /** One sentence without a full stop, where it is no command: for the answer, words of the comment are in it. */
  readonly error?: string;
}

const PREFIX = /^\/objreview(?=[ \t]|$)/;
const MAX_COMMENT_CHARACTERS = 65_536;

/** The lines meant for the bot, in order. Never throws. */
export function parseCommands(comment: string): ParsedLine[] {
  const found: ParsedLine[] = [];
  commandLines(comment.slice(0, MAX_COMMENT_CHARACTERS)).forEach(({ line, text }) => {
    if (found.length >= MAX_COMMANDS) return;
    found.push({ line, ...parseLine(text.slice(0, MAX_COMMAND_LINE)) });
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

function parseLine(text: string): ReadCommand<Command> {
  const words = splitWords(text.replace(PREFIX, ""));
  if (words === undefined) return { error: "a quote is not closed" };
  const common = readCommonCommand(words, "/objreview");
  if (common !== undefined) return common;
  const [name, ...args] = words;
  if (name!.toLowerCase() !== "approve")
    return { error: `there is no command ${name!.slice(0, 40)}; known are recheck, explain, waive, approve and help` };
  const sha = args[0]?.toLowerCase();
  if (args.length > 1 || (sha !== undefined && !/^[0-9a-f]{12,64}$/.test(sha))) {
    return { error: "approve takes nothing, or at least 12 digits of the head's commit id" };
  }
  return { command: sha === undefined ? { name: "approve" } : { name: "approve", sha } };
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
