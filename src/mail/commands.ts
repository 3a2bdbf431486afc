// "#objreview ..." in a mail (design 9). Only a line that begins with it counts, of what the sender wrote: not what is quoted, nor what stands in a patch, which
// may be somebody else's words under the sender's signature, nor what follows the signature.

import {
  type CommonCommand,
  MAX_COMMAND_LINE,
  MAX_COMMANDS,
  type ReadCommand,
  readCommonCommand,
  splitWords,
} from "../base/commands.ts";

/** What mails are to end or to begin again: about one series, to the asker, to a list, at all. */
export type StopScope = "series" | "author" | "list" | "all";

export type MailCommand = CommonCommand | { readonly name: "stop" | "start"; readonly scope: StopScope };

export interface CommandLine {
  /** 1-based line of the mail's text. */
  readonly line: number;
  /** As it was written, for the answer's quote: at most 1000 characters. */
  readonly text: string;
  readonly command?: MailCommand;
  /** One sentence without a full stop, where it is no command. */
  readonly error?: string;
}

export interface CommandMail {
  /** Decoded, on one line. */
  readonly subject: string;
  /** Decoded text of the mail. */
  readonly body: string;
}

const SIGN = "#objreview";
const PREFIX = /^#objreview(?=[ \t]|$)/;
const MAX_BODY_CHARACTERS = 256 * 1024;

/** The lines meant for us, in order, at most five. Empty for a mail that is a patch or a cover letter. Never throws. */
export function readCommands({ subject, body }: CommandMail): CommandLine[] {
  if (/^\s*\[[^\]]*\b(PATCH|RFC|PULL)\b[^\]]*\]/i.test(subject)) return [];
  const found: CommandLine[] = [];
  for (const { line, text } of ownLines(body.slice(0, MAX_BODY_CHARACTERS))) {
    if (!PREFIX.test(text) || found.length >= MAX_COMMANDS) continue;
    const short = text.slice(0, MAX_COMMAND_LINE).trimEnd();
    found.push({ line, text: short, ...readLine(short) });
  }
  return found;
}

/** Whether the text speaks of us at all: a mail without a sign is not even authenticated. */
export function mayCommand(body: string): boolean {
  return /^#objreview/m.test(body.slice(0, MAX_BODY_CHARACTERS));
}

/** RFC 3676 4.3; mail agents take the blank away. */
const SIGNATURE = /^-- ?$/;
/** Where a mail agent puts the whole former mail below the answer, without quoting it. */
const FORWARDED = /^(-{2,} ?(original|forwarded) (message|mail)\b|begin forwarded message:|_{20,}\s*$)/i;
const HAS_DIFF = /^(diff --git |diff -\S+ |Index: |@@ -\d|--- (a\/|\/dev\/null))/;

/** What the sender says at the top level of the text. */
function ownLines(body: string): { line: number; text: string }[] {
  const lines = body.split(/\r\n|\n|\r/);
  const isEnd = (text: string, i: number) =>
    SIGNATURE.test(text) ||
    isScissors(text) ||
    FORWARDED.test(text) ||
    (/^From: /.test(text) && /^(Sent|Date|To|Subject): /.test(lines[i + 1] ?? ""));
  const end = lines.findIndex(isEnd);
  const own = (end < 0 ? lines : lines.slice(0, end)).map((text, i) => ({ line: i + 1, text }));
  // A diff that no scissors divide from the rest has a commit message above it.
  if (own.some(({ text }) => HAS_DIFF.test(text))) return [];
  return own;
}

/** git-mailinfo(1), --scissors: dashes and a cut, such as "-- >8 --"; words between the dashes are not taken for one here. */
function isScissors(text: string): boolean {
  return text.length < 200 && text.includes("-") && /8<|>8|%<|>%/.test(text) && /^[-8<>%\s]+$/.test(text);
}

function readLine(text: string): ReadCommand<MailCommand> {
  const words = splitWords(text.replace(PREFIX, ""));
  if (words === undefined) return { error: "a quote is not closed" };
  const common = readCommonCommand(words, SIGN);
  if (common !== undefined) return common;
  const [name, ...args] = words as [string, ...string[]];
  const verb = name.toLowerCase();
  if (verb !== "stop" && verb !== "start")
    return {
      error: `there is no command ${name.slice(0, 40)}; known are recheck, explain, waive, stop, start and help`,
    };
  const scope = args[0]?.toLowerCase() ?? "author";
  if (args.length > 1 || !isScope(scope))
    return { error: `${verb} takes nothing, or one of series, author, list and all` };
  return { command: { name: verb, scope } };
}

function isScope(text: string): text is StopScope {
  return text === "series" || text === "author" || text === "list" || text === "all";
}

/** The answer to help, and to a line that is no command; lines of at most 76 columns, none of which is a command itself. */
export const HELP_LINES: readonly string[] = [
  "  #objreview recheck [profile=...] [base=...]   reviews this version again",
  "  #objreview explain ID         shows a finding with its whole way",
  "  #objreview waive ID REASON    takes a finding as it is (maintainers)",
  "  #objreview stop               no more mail to you or about your series",
  "  #objreview stop series        no more mail about this series",
  "  #objreview stop list          no more mail to this list (maintainers)",
  "  #objreview stop all           no more mail to any list (maintainers)",
  "  #objreview start ...          takes a stop back",
  "  #objreview help               this",
  "",
  "A command stands at the start of a line, unquoted, above the signature,",
  "in a reply to a mail of the series or to one of mine.",
];
