// What a person can ask for in a comment or a mail, behind the sign that says it is meant for us (design 9): the words that every place has in common.

export type CommonCommand =
  | { readonly name: "recheck"; readonly profile?: string; readonly base?: string }
  | { readonly name: "explain"; readonly finding: string }
  | { readonly name: "waive"; readonly finding: string; readonly reason: string }
  | { readonly name: "help" };

/** `error`: one sentence without a full stop, for the answer; words of the line may be in it. */
export type ReadCommand<Command> = { readonly command: Command } | { readonly error: string };

/** More in one text is a mistake or worse; the rest is not read. */
export const MAX_COMMANDS = 5;
/** Characters of a line that are read. */
export const MAX_COMMAND_LINE = 1000;
const MAX_REASON = 300;

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

/** `sign`: what stands before a command, for examples ("/objreview"). Undefined: the name is none of the common ones; without words it is help. */
export function readCommonCommand(words: readonly string[], sign: string): ReadCommand<CommonCommand> | undefined {
  const [name, ...args] = words;
  switch (name?.toLowerCase()) {
    case undefined:
    case "help":
      return { command: { name: "help" } };
    case "recheck":
      return readRecheck(args);
    case "explain":
      return args.length === 1 && isFindingId(args[0]!)
        ? { command: { name: "explain", finding: args[0]! } }
        : { error: `explain takes the id of one finding, as in: ${sign} explain f1` };
    case "waive": {
      const reason = args.slice(1).join(" ").trim();
      if (args[0] === undefined || !isFindingId(args[0]) || reason === "") {
        return { error: `waive takes the id of a finding and a reason, as in: ${sign} waive f1 the caller checks it` };
      }
      return { command: { name: "waive", finding: args[0], reason: reason.slice(0, MAX_REASON) } };
    }
    default:
      return undefined;
  }
}

/** The short id of a report ("f1"), or a fingerprint or the beginning of one, with the number of the place behind a dot. */
function isFindingId(text: string): boolean {
  return /^(f\d{1,6}|[0-9a-f]{8,28}(\.\d{1,6})?)$/.test(text);
}

function readRecheck(args: readonly string[]): ReadCommand<CommonCommand> {
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
