// One JSON object a line. No payload and no error object is ever logged whole: both hold text of strangers, an error perhaps a request's headers.

export type Log = (
  level: "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

export function openLog(write: (line: string) => void, now: () => number = Date.now): Log {
  return (level, message, fields = {}) => {
    const entry = { time: new Date(now()).toISOString(), level, message, ...fields };
    write(`${JSON.stringify(entry)}\n`);
  };
}

/** The first line of an error, without what looks like a token (docs.github.com, "Token formats"). */
export function errorWords(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return (text.split("\n")[0] as string)
    .replace(/\b(gh[a-z]_|github_pat_)\w+/g, "$1...")
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, "...")
    .slice(0, 500);
}
