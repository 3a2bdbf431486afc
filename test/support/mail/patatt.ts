// Debian's patatt (of b4): makes keys and signs, with a home and a configuration of its own.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Patatt {
  /** Public keys as patatt keeps them. */
  readonly keys: string;
  sign(mail: string): Promise<string>;
  /** What patatt itself says: true for a signature that it takes. */
  validates(mail: string): Promise<boolean>;
}

const PROGRAM = ["-c", "import sys, patatt; sys.argv[0] = 'patatt'; patatt.command()"];

/** `kind` "openpgp" makes a key with gpg. */
export async function patattOf(folder: string, identity: string, kind: "ed25519" | "openpgp"): Promise<Patatt> {
  const home = join(folder, "home");
  const keys = join(home, "data", "patatt", "public");
  mkdirSync(join(home, "gnupg"), { recursive: true, mode: 0o700 });
  mkdirSync(join(home, "data", "patatt"), { recursive: true });
  const env = {
    PATH: "/usr/bin:/bin",
    HOME: home,
    XDG_DATA_HOME: join(home, "data"),
    GNUPGHOME: join(home, "gnupg"),
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const options = { env, cwd: home, encoding: "utf8" as const };
  const patatt = (args: readonly string[]) => run("/usr/bin/python3", [...PROGRAM, ...args], options);
  const configure = (lines: readonly string[]) =>
    writeFileSync(
      join(home, ".gitconfig"),
      `[user]\n\temail = ${identity}\n\tname = A Developer\n[patatt]\n${lines.map((line) => `\t${line}\n`).join("")}`,
    );
  if (kind === "ed25519") {
    configure([]);
    await patatt(["genkey", "-n", "work"]);
    configure(["signingkey = ed25519:work", "selector = work"]);
  } else {
    await run(
      "gpg",
      ["--batch", "--passphrase", "", "--quick-generate-key", `A Developer <${identity}>`, "ed25519", "sign", "never"],
      options,
    );
    const { stdout } = await run("gpg", ["--batch", "--armor", "--export", identity], options);
    const [local = "", domain = ""] = identity.split("@");
    mkdirSync(join(keys, "openpgp", domain, local), { recursive: true });
    writeFileSync(join(keys, "openpgp", domain, local, "default"), stdout);
    const listed = await run("gpg", ["--batch", "--with-colons", "--fingerprint", identity], options);
    // By its fingerprint: patatt 0.6 stumbles over a key that is named as its identity is.
    configure([`signingkey = openpgp:${/^fpr:+([0-9A-F]+):/m.exec(listed.stdout)?.[1]}`]);
  }
  return {
    keys,
    async sign(mail) {
      const file = join(home, "mail");
      writeFileSync(file, mail);
      await patatt(["sign", file]);
      return readFileSync(file, "utf8");
    },
    async validates(mail) {
      const file = join(home, "signed");
      writeFileSync(file, mail);
      // One file alone is taken for a mailbox, which has no message in it where the separator line is missing.
      return patatt(["validate", file, file]).then(
        () => true,
        () => false,
      );
    },
  };
}

/** A copy of the keys, for a test that changes them. */
export function copyKeys(keys: string, to: string): string {
  cpSync(keys, to, { recursive: true });
  return to;
}
