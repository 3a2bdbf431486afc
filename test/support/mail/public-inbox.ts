import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, freePort, runProgram, startDaemon, temporaryFolder } from "./daemon.ts";

// Debian's public-inbox: an archive of a list, filled the way a list's server fills it, and its own HTTP server on the loopback.

export interface PublicInbox {
  readonly name: string;
  /** The list's address. */
  readonly address: string;
  /** What holds git/0.git, git/1.git ... (v2), or is the git repository itself (v1). */
  readonly mirror: string;
  /** For other programs of public-inbox: HOME, PI_CONFIG. */
  readonly env: Readonly<Record<string, string>>;
  /** Puts messages into the archive, many at once. With `rotateBytes` a new epoch begins whenever so much is in the last one. */
  add(mails: readonly (string | Uint8Array)[], options?: { readonly rotateBytes?: number }): Promise<void>;
  /** One message, as a mail server hands it over. */
  deliver(mail: string | Uint8Array): Promise<void>;
  /** Takes a message out of the history, which rewrites its epoch and all that came behind it there. */
  purge(mail: string | Uint8Array): Promise<void>;
  /** Takes a message out by a commit that deletes it, as is done with spam. */
  remove(mail: string | Uint8Array): Promise<void>;
  /** "http://127.0.0.1:1234/list": what the archive is read and cloned from. */
  serve(): Promise<{ readonly url: string; stop(): Promise<void> }>;
  /** Ends what runs and removes it all. */
  end(): Promise<void>;
}

/** Messages on standard input, each behind a line with its length. V2Writable is what every importer of public-inbox writes through. */
const ADD_SCRIPT = `
use strict; use warnings;
use PublicInbox::Config; use PublicInbox::Eml; use PublicInbox::InboxWritable;
my ($name, $rotate) = @ARGV;
my $inbox = PublicInbox::InboxWritable->new(PublicInbox::Config->new->lookup_name($name));
my $importer = $inbox->importer(0);
$importer->{rotate_bytes} = $rotate if $rotate;
binmode STDIN;
while (defined(my $length = <STDIN>)) {
  chomp $length;
  read(STDIN, my $raw, $length) == $length or die "short input";
  $importer->add(PublicInbox::Eml->new(\\$raw));
}
$importer->done;
`;

export async function startPublicInbox(
  options: { readonly name?: string; readonly version?: 1 | 2; readonly indexLevel?: "basic" | "medium" } = {},
): Promise<PublicInbox> {
  const { name = "linux-test", version = 2, indexLevel = "basic" } = options;
  const folder = temporaryFolder("archive");
  const address = `${name}@lists.example.org`;
  const mirror = join(folder.path, name);
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? "",
    HOME: join(folder.path, "home"),
    PI_CONFIG: join(folder.path, "config"),
    LC_ALL: "C",
    TZ: "UTC",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  mkdirSync(env.HOME as string);
  const run = (command: readonly string[], input?: string | Uint8Array, more: Record<string, string> = {}) =>
    runProgram(command, { env: { ...env, ...more }, cwd: folder.path, ...(input === undefined ? {} : { input }) });
  const servers: Daemon[] = [];
  try {
    await run([
      "public-inbox-init",
      `-V${version}`,
      ...["-L", indexLevel],
      name,
      mirror,
      `http://127.0.0.1/${name}`,
      address,
    ]);
    // Else every message is given to SpamAssassin.
    await run(["git", "config", "-f", env.PI_CONFIG as string, "publicinboxmda.spamcheck", "none"]);
  } catch (error) {
    folder.remove();
    throw error;
  }
  return {
    name,
    address,
    mirror,
    env,
    async add(mails, { rotateBytes = 0 } = {}) {
      const parts = mails.flatMap((mail) => {
        const bytes = Buffer.from(mail as string);
        return [Buffer.from(`${bytes.length}\n`), bytes];
      });
      await run(["perl", "-e", ADD_SCRIPT, name, String(rotateBytes)], Buffer.concat(parts));
    },
    async deliver(mail) {
      await run(["public-inbox-mda", "--no-precheck"], mail, { ORIGINAL_RECIPIENT: address });
    },
    async purge(mail) {
      await run(["public-inbox-purge", mirror], mail);
    },
    async remove(mail) {
      await run(["public-inbox-learn", "rm", "--all"], mail);
    },
    async serve() {
      const port = await freePort();
      const command = ["public-inbox-httpd", "-W0", "-l", `127.0.0.1:${port}`];
      const server = await startDaemon(command, { env, port });
      servers.push(server);
      return { url: `http://127.0.0.1:${port}/${name}`, stop: () => server.stop() };
    },
    async end() {
      await Promise.all(servers.map((server) => server.stop()));
      folder.remove();
    },
  };
}
