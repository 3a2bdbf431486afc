import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UsageError } from "../../src/base/errors.ts";
import { describeErrors, openMailConfig, readMailConfig } from "../../src/mail/read-config.ts";

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "objreview-config-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** The smallest one that does, below a folder that is there. */
function minimal(at: string, more = ""): string {
  return `address: Objreview@example.org
sources:
  - {kind: mbox, name: box, at: ${at}/in.mbox}
trees:
  - {name: linux, at: ${at}}
lists:
  - {address: linux-test@example.org, trees: [linux]}
${more}`;
}

function errorsOf(text: string): string[] {
  const read = readMailConfig(text);
  assert.ok(!read.ok, "taken");
  return describeErrors("mail.yml", read.errors);
}

test("little has to be said, and silence is the default", (t) => {
  const read = readMailConfig(minimal(folder(t)));
  assert.ok(read.ok, JSON.stringify(read));
  const { config } = read;
  assert.equal(config.address, "objreview@example.org");
  assert.deepEqual([config.lists[0]!.reply, config.smtp, config["wait-minutes"]], ["silent", undefined, 30]);
  assert.deepEqual(config.trees[0]!.branches, ["HEAD"]);
});

test("all that is wrong is told at once, each with its line", (t) => {
  const at = folder(t);
  const text = `address: nobody
sources:
  - {kind: mbox, name: box, at: relative}
  - kind: imapp
    name: b
trees:
  - {name: linux, at: ${at}, minutse: x}
lists:
  - address: l@example.org
    trees: [linux]
    reply: loud
    quiet-hours: {from: 25:00, to: "06:00", zone: Mars/Base}
lits: []
`;
  assert.deepEqual(errorsOf(text), [
    'mail.yml:1: address: Invalid email address, not "nobody"',
    'mail.yml:3: sources.0.at: an absolute path, not "relative"',
    'mail.yml:4: sources.1.kind: one of public-inbox, imap, maildir, mbox, stdin, not "imapp"',
    "mail.yml:7: trees.0.minutse: there is no such key; minutes is meant, perhaps",
    'mail.yml:11: lists.0.reply: one of silent, author, list, not "loud"',
    'mail.yml:12: lists.0.quiet-hours.from: a time such as 22:00, not "25:00"',
    "mail.yml:12: lists.0.quiet-hours.zone: the name of a time zone, such as Europe/Berlin",
    "mail.yml:13: lits: there is no such key; lists is meant, perhaps",
  ]);
});

test("keys that are missing, and names that lead nowhere", (t) => {
  const at = folder(t);
  assert.deepEqual(errorsOf("name: x\n"), [
    "mail.yml: address: missing; text is wanted here",
    "mail.yml: sources: missing; a list is wanted here",
    "mail.yml: trees: missing; a list is wanted here",
    "mail.yml: lists: missing; a list is wanted here",
  ]);
  const text = `${minimal(at)}  - {address: linux-test@example.org, trees: [net]}\nweekly:\n  - {tree: bpf, to: [a@example.org]}\n`;
  assert.deepEqual(errorsOf(text), [
    "mail.yml:6: lists: linux-test@example.org is there twice",
    "mail.yml:8: lists.1.trees: there is no tree net",
    "mail.yml:10: weekly.0.tree: there is no tree bpf",
  ]);
  assert.match(errorsOf(`${minimal(at)}sources: []\n`)[0]!, /not YAML: Map keys must be unique/);
});

test("complaints come in the order of the file, and bounds with the number that is there", (t) => {
  const at = folder(t);
  assert.deepEqual(
    errorsOf(`workers: 0
address: ""
sources: []
lists:
  - {address: l@example.org, trees: [linux], severty: note, cc: "x"}
  - {address: m@example.org, trees: [], embargo-hours: -1}
trees:
`),
    [
      "mail.yml:1: workers: at least 1, not 0",
      'mail.yml:2: address: Invalid email address, not ""',
      "mail.yml:3: sources: at least 1 entry, not 0",
      'mail.yml:5: lists.0.cc: a list, not "x"',
      "mail.yml:5: lists.0.severty: there is no such key; severity is meant, perhaps",
      "mail.yml:6: lists.1.trees: at least 1 entry, not 0",
      "mail.yml:6: lists.1.embargo-hours: at least 0, not -1",
      "mail.yml:7: trees: a list, not nothing",
    ],
  );
  const many = Array.from({ length: 21 }, (_, i) => `b${i}`).join(", ");
  const text = minimal(at).replace(/(linux, at: [^,}]+)\}/, `$1, branches: [${many}]}`);
  assert.deepEqual(errorsOf(text), ["mail.yml:5: trees.0.branches: at most 20 entries, not 21"]);
});

test("folders that are not there, and secrets that others can read", (t) => {
  const at = folder(t);
  const secret = join(at, "password");
  const more = `smtp:
  host: mail.example.org
  login: {user: bot, password-file: ${secret}}
patchwork: {url: "https://patchwork.example.org", project: linux, token-file: ${join(at, "none")}}
commands:
  patatt-keys: ${join(at, "keys")}
`;
  writeFileSync(secret, "x");
  chmodSync(secret, 0o640);
  assert.deepEqual(errorsOf(minimal(at, more)), [
    `mail.yml:10: smtp.login.password-file: others can read it (chmod 600): ${secret}`,
    `mail.yml:11: patchwork.token-file: there is no such file: ${join(at, "none")}`,
    `mail.yml:13: commands.patatt-keys: there is no such folder: ${join(at, "keys")}`,
  ]);
  chmodSync(secret, 0o600);
  writeFileSync(join(at, "none"), "t", { mode: 0o600 });
  mkdirSync(join(at, "keys"));
  assert.ok(readMailConfig(minimal(at, more)).ok);
  rmSync(secret);
  mkdirSync(secret);
  assert.match(errorsOf(minimal(at, more))[0]!, /no regular file/);
  assert.match(errorsOf(minimal(join(at, "gone")))[0]!, /^mail.yml:5: trees.0.at: there is no such folder: /);
});

test("a file that cannot be used is a usage error with a line for each complaint", (t) => {
  const at = folder(t);
  const file = join(at, "mail.yml");
  assert.throws(
    () => openMailConfig(file),
    (error: unknown) => error instanceof UsageError && /no such file/.test(error.message),
  );
  writeFileSync(file, "what: 1\n");
  assert.throws(
    () => openMailConfig(file),
    (error: unknown) => error instanceof UsageError && error.message.split("\n").length === 5,
  );
  writeFileSync(file, minimal(at));
  assert.equal(openMailConfig(file).trees[0]!.name, "linux");
});

test("a key with control characters does not reach the terminal", () => {
  assert.ok(errorsOf('"a\\e[31m": 1\n').every((line) => !line.includes("\u001b")));
});
