// Signatures of developers end to end (X-Developer-Signature): the format of patatt 0.6, as its README and b4's documentation tell it. A DKIM-like header over
// From, Subject and Message-ID and over the text as git-mailinfo(1) takes it out of the mail; keys are public keys in a folder of the operator's.
// What is signed of From and Subject is what git reads: an in-body From or Subject goes before the header's.

import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { bareMail } from "../kernel/mail-patch.ts";
import { runToEnd, SYSTEM_PATH } from "../kernel/process.ts";

export interface PatattSignature {
  /** Address of the signer, in small letters. */
  readonly identity: string;
  /** "ed25519" or "openpgp", and the selector of the key. */
  readonly key: string;
  /** Milliseconds since 1970, as the signer says. */
  readonly signedAt: number;
  /** SHA-256 of the signature, hexadecimal. */
  readonly hash: string;
  /** The fields that are signed, in small letters. */
  readonly covers: ReadonlySet<string>;
  /** What is signed of the subject: without "Re:" and brackets. */
  readonly title: string;
  /** The signed text of the mail. */
  readonly text: string;
}

export type PatattVerdict = PatattSignature | { readonly refused: string };

const FIELD = "x-developer-signature";
const MAX_SIGNATURES = 4;
const MAX_KEY_BYTES = 256 * 1024;
const TOOL_MILLIS = 20_000;

interface Field {
  readonly name: string;
  /** One character per byte, folded as it came. */
  readonly value: string;
}

/** The first signature of `identity` that holds. `keys`: the folder. Throws ToolError where git or gpg cannot be run. */
export async function verifyPatatt(raw: Uint8Array, identity: string, keys: string): Promise<PatattVerdict> {
  const bare = bareMail(raw);
  const fields = readFields(Buffer.from(bare).toString("latin1"));
  const signatures = fields.filter(({ name }) => name === FIELD);
  if (signatures.length === 0) return { refused: "it has no patatt signature" };
  if (signatures.length > MAX_SIGNATURES) return { refused: `it has ${signatures.length} patatt signatures` };
  const folder = await mkdtemp(join(tmpdir(), "objreview-patatt-"));
  try {
    const mail = await takeApart(bare, folder);
    let refused = "";
    for (const { value } of signatures) {
      const verdict = await verifyOne({ value, fields, mail, identity, keys, folder });
      if (!("refused" in verdict)) return verdict;
      refused = verdict.refused;
    }
    return { refused };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Candidate {
  readonly value: string;
  readonly fields: readonly Field[];
  readonly mail: TakenApart;
  readonly identity: string;
  readonly keys: string;
  readonly folder: string;
}

async function verifyOne({ value, fields, mail, identity, keys, folder }: Candidate): Promise<PatattVerdict> {
  const canonical = relaxed(value);
  const tags = readTags(canonical);
  const signer = (tags.get("i") ?? identity).toLowerCase();
  if (signer !== identity) return { refused: "its patatt signature is of somebody else" };
  const [algorithm, hash] = (tags.get("a") ?? "").split("-");
  if (tags.get("v") !== "1" || hash !== "sha256" || (algorithm !== "ed25519" && algorithm !== "openpgp"))
    return { refused: "its patatt signature is of a kind that is not known" };
  const names = (tags.get("h") ?? "").toLowerCase().split(":");
  if (["from", "subject", "message-id"].some((name) => !names.includes(name)))
    return { refused: "its patatt signature does not cover From, Subject and Message-ID" };
  if (tags.get("bh") !== createHash("sha256").update(mail.body).digest("base64"))
    return { refused: "its text is not the one that was signed with patatt" };
  const end = canonical.lastIndexOf("; b=");
  if (end < 0) return { refused: "its patatt signature is empty" };
  const signed = `${signedFields(fields, names, mail)}${FIELD}:${canonical.slice(0, end + 4)}`;
  const digest = createHash("sha256").update(signed, "latin1").digest();
  const signature = Buffer.from(tags.get("b") ?? "", "base64");
  const selector = tags.get("s") ?? "default";
  const key = await readKey(keys, algorithm, identity, selector);
  if (key === undefined) return { refused: `there is no ${algorithm} key of its signer` };
  const time =
    algorithm === "ed25519"
      ? checkEd25519(signature, digest, key, tags.get("t"))
      : await checkOpenPgp(signature, digest, key, folder);
  if (time === undefined) return { refused: "its patatt signature does not hold" };
  return {
    identity,
    key: `${algorithm}/${selector.slice(0, 80)}`,
    signedAt: time * 1000,
    hash: createHash("sha256").update(signature).digest("hex"),
    covers: new Set(names),
    title: Buffer.from(mail.subject, "latin1").toString("utf8"),
    text: mail.body.toString("utf8").replaceAll("\r\n", "\n"),
  };
}

function readFields(mail: string): Field[] {
  const end = mail.indexOf("\n\n");
  const fields: { name: string; value: string }[] = [];
  for (const line of mail.slice(0, end < 0 ? mail.length : end).split("\n")) {
    if (/^[ \t]/.test(line)) {
      const last = fields.at(-1);
      if (last !== undefined) last.value += `\n${line}`;
      continue;
    }
    const colon = line.indexOf(":");
    fields.push({ name: line.slice(0, Math.max(0, colon)).trim().toLowerCase(), value: line.slice(colon + 1) });
  }
  return fields;
}

/** RFC 6376 3.4.2 for a value, without its line end. */
function relaxed(value: string): string {
  return value
    .replace(/[\r\n]/g, "")
    .replace(/[ \t\v\f]+/g, " ")
    .trim();
}

function readTags(canonical: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const piece of canonical.replaceAll(" ", "").split(";")) {
    const equals = piece.indexOf("=");
    if (equals > 0) tags.set(piece.slice(0, equals), piece.slice(equals + 1));
  }
  return tags;
}

interface TakenApart {
  /** One character per byte. */
  readonly author: string;
  readonly subject: string;
  /** Message and patch, lines end in CRLF, without empty ones at the end. */
  readonly body: Buffer;
}

async function takeApart(bare: Uint8Array, folder: string): Promise<TakenApart> {
  const [messageFile, patchFile] = [join(folder, "message"), join(folder, "patch")];
  const command = ["git", "mailinfo", "--encoding=utf-8", "--no-scissors", messageFile, patchFile];
  const env = {
    PATH: SYSTEM_PATH,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CEILING_DIRECTORIES: "/",
  };
  const run = await runToEnd(command, { cwd: folder, env, input: bare, timeoutMillis: TOOL_MILLIS });
  const info = Buffer.from(run.stdoutBytes).toString("latin1");
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(info)?.[1]?.trim() ?? "";
  const read = (path: string) => readFile(path, "latin1").catch(() => "");
  const text = `${await read(messageFile)}${await read(patchFile)}`;
  let end = text.length;
  while (end > 0 && (text[end - 1] === "\n" || text[end - 1] === "\r")) end--;
  const lines = text.slice(0, end).split("\n");
  const body = lines.map((line) => `${line.replace(/\r{1,9}$/, "")}\r\n`).join("");
  return {
    author: `${field("Author")} <${field("Email")}>`,
    subject: field("Subject"),
    body: Buffer.from(run.exitCode === 0 ? body : "", "latin1"),
  };
}

/** In the order of h=; of a field that is there more than once the last comes first (RFC 6376 5.4.2). */
function signedFields(fields: readonly Field[], names: readonly string[], mail: TakenApart): string {
  const left = [...fields].reverse();
  return names
    .map((name) => {
      const at = left.findIndex((field) => field.name === name);
      if (at < 0) return "";
      const [field] = left.splice(at, 1);
      const value = name === "from" ? mail.author : name === "subject" ? mail.subject : field!.value;
      return `${name}:${relaxed(value)}\r\n`;
    })
    .join("");
}

/** <type>/<domain>/<local part>/<selector>, each in small letters and escaped as in a query. */
async function readKey(folder: string, type: string, identity: string, selector: string): Promise<Buffer | undefined> {
  const at = identity.indexOf("@");
  const parts = [type, identity.slice(at + 1), identity.slice(0, at), selector.toLowerCase()];
  if (at < 1 || parts.some((part) => part === "" || part === "." || part === ".." || part.length > 250))
    return undefined;
  const escaped = parts.map((part) =>
    encodeURIComponent(part)
      .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%20", "+"),
  );
  try {
    const key = await readFile(join(folder, ...escaped));
    return key.length <= MAX_KEY_BYTES ? key : undefined;
  } catch {
    return undefined;
  }
}

/** A signed message of libsodium: 64 bytes of signature, then the digest. Seconds since 1970. */
function checkEd25519(signature: Buffer, digest: Buffer, key: Buffer, time: string | undefined): number | undefined {
  const bytes = Buffer.from(key.toString("latin1").trim(), "base64");
  if (bytes.length !== 32 || signature.length !== 96 || !/^\d{1,11}$/.test(time ?? "")) return undefined;
  if (!signature.subarray(64).equals(digest)) return undefined;
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") },
    format: "jwk",
  });
  return verify(null, digest, publicKey, signature.subarray(0, 64)) ? Number(time) : undefined;
}

/** A signed OpenPGP message whose text is the digest; verified against that one key alone. Seconds since 1970. */
async function checkOpenPgp(
  signature: Buffer,
  digest: Buffer,
  key: Buffer,
  folder: string,
): Promise<number | undefined> {
  const home = await mkdtemp(join(folder, "gnupg-"));
  const output = join(home, "signed");
  const gpg = [
    "gpg",
    "--batch",
    "--no-options",
    "--no-autostart",
    "--no-auto-key-retrieve",
    "--no-auto-check-trustdb",
    "--homedir",
    home,
  ];
  const keyring = [...gpg, "--no-default-keyring", "--keyring", join(home, "pub"), "--status-fd", "1"];
  const env = { PATH: SYSTEM_PATH, HOME: home, LC_ALL: "C" };
  const run = (args: readonly string[], input: Uint8Array) =>
    runToEnd([...keyring, ...args], { cwd: home, env, input, timeoutMillis: TOOL_MILLIS, maxOutputBytes: 1024 * 1024 });
  await writeFile(join(home, "key"), key);
  const imported = await run(["--import", join(home, "key")], new Uint8Array(0));
  if (imported.end !== "exited")
    throw new ToolError("failed", "gpg did not come to an end", { command: ["gpg", "--import"] });
  if (!/^\[GNUPG:\] IMPORT_OK /m.test(imported.stdout)) return undefined;
  // --decrypt also takes a message that is signed and nothing else, and never a detached signature.
  const verified = await run(["--output", output, "--decrypt"], signature);
  const time = /^\[GNUPG:\] VALIDSIG [0-9A-F]+ \S+ (\d{1,11}) /m.exec(verified.stdout)?.[1];
  const isGood = verified.exitCode === 0 && /^\[GNUPG:\] GOODSIG /m.test(verified.stdout);
  if (!isGood || time === undefined) return undefined;
  return digest.equals(await readFile(output)) ? Number(time) : undefined;
}
