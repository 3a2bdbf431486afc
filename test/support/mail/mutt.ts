import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./daemon.ts";

// Debian's mutt as somebody has it before them: its index of a mailbox, sorted by threads. It wants a terminal, which script(1) makes.

export interface MuttOptions {
  /** File, Maildir or imap://user@host:port/INBOX */
  readonly mailbox: string;
  readonly password?: string;
}

/** Lines of the index: "objreview| `->Re: [PATCH 2/4] ...". */
export async function muttIndex({ mailbox, password }: MuttOptions): Promise<string[]> {
  const folder = temporaryFolder("mutt");
  const settings = [
    "sort=threads",
    'index_format="#%C %-20.20F%s"',
    "hide_thread_subject=no",
    "ascii_chars",
    "charset=utf-8",
    "quit=yes",
    "read_only",
    `folder=${folder.path}`,
    "ssl_starttls=no",
    "ssl_force_tls=no",
    ...(password === undefined ? [] : [`imap_pass="${password}"`]),
  ];
  writeFileSync(join(folder.path, "muttrc"), settings.map((each) => `set ${each}\n`).join(""));
  try {
    const command = `stty rows 60 cols 150; mutt -n -F muttrc -R -f '${mailbox}'`;
    const screen = await typed(["script", "-qec", command, "/dev/null"], folder.path);
    return [...screen.matchAll(/#\d+ +(.*?)\s*(?=$|#\d+ )/gm)].map((match) => match[1]!.trimEnd());
  } finally {
    folder.remove();
  }
}

/** What a program writes to its terminal, without the sequences that move the cursor; "q" is typed once the index stands. */
function typed(command: readonly string[], cwd: string): Promise<string> {
  const [file = "", ...args] = command;
  return new Promise((done, fail) => {
    const env = { PATH: "/usr/bin:/bin", TERM: "vt100", HOME: cwd, LC_ALL: "C.UTF-8" };
    const child = spawn(file, args, { cwd, env, stdio: ["pipe", "pipe", "ignore"] });
    let output = "";
    let quitting: NodeJS.Timeout | undefined;
    const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
    child.stdout.on("data", (chunk) => {
      output += String(chunk);
      // Behind the last line of the index the screen rests.
      clearTimeout(quitting);
      if (/#\d+ /.test(output)) quitting = setTimeout(() => child.stdin.write("q"), 500);
    });
    child.stdin.on("error", () => {});
    child.on("error", fail);
    child.on("exit", () => {
      clearTimeout(late);
      clearTimeout(quitting);
      done(output.replace(/\u001b[[(][0-9;?]*[A-Za-z0-9]|[\u000e\u000f]/g, "").replaceAll("\r", "\n"));
    });
  });
}
