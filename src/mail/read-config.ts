// The configuration file as it is on the disk, with what no schema sees: whether the folders are there, and whether others can read the secrets.

import { readFileSync, type Stats, statSync } from "node:fs";
import { UsageError } from "../base/errors.ts";
import { type ConfigError, inOrder, readYamlConfig } from "../config/yaml-text.ts";
import { type MailConfig, mailConfigSchema } from "./config.ts";

export type MailConfigRead =
  | { readonly ok: true; readonly config: MailConfig; readonly lineOf: (path: readonly PropertyKey[]) => number }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Reads a configuration's text and looks at the files that it names. All that is wrong at once. Throws nothing. */
export function readMailConfig(text: string): MailConfigRead {
  const read = readYamlConfig(text, mailConfigSchema);
  if (!read.ok) return read;
  const errors = namedFiles(read.config).flatMap(({ path, at, is }) => {
    const wrong = is(at);
    return wrong === undefined ? [] : [{ line: read.lineOf(path), key: path.join("."), message: `${wrong}: ${at}` }];
  });
  return errors.length === 0 ? read : { ok: false, errors: inOrder(errors) };
}

/** The same of a file; throws UsageError where it cannot be read at all. */
export function readMailConfigFile(file: string): MailConfigRead {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`--config ${file}: ${code === "ENOENT" ? "no such file" : `cannot be read (${code})`}`);
  }
  return readMailConfig(text);
}

/** Throws UsageError with all that is wrong, a line each. */
export function openMailConfig(file: string): MailConfig {
  const read = readMailConfigFile(file);
  if (read.ok) return read.config;
  throw new UsageError(describeErrors(file, read.errors).join("\n"));
}

/** "mail.yml:12: lists.0.reply: one of silent, author, list, not "loud"", one for each error. */
export function describeErrors(file: string, errors: readonly ConfigError[]): string[] {
  return errors.map(({ line, key, message }) => {
    const place = line === 0 ? file : `${file}:${line}`;
    return `${place}: ${key === "" ? "" : `${key}: `}${message}`.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  });
}

interface NamedFile {
  readonly path: readonly (string | number)[];
  readonly at: string;
  /** What is wrong with it; undefined: nothing. */
  readonly is: (at: string) => string | undefined;
}

function namedFiles(config: MailConfig): NamedFile[] {
  const named: NamedFile[] = [];
  config.sources.forEach((source, i) => {
    if (source.kind === "imap") {
      named.push({ path: ["sources", i, "login", "password-file"], at: source.login["password-file"], is: secret });
    } else if (source.kind === "public-inbox" && source.at.startsWith("/")) {
      named.push({ path: ["sources", i, "at"], at: source.at, is: folder });
    } else if (source.kind === "maildir") {
      named.push({ path: ["sources", i, "at"], at: source.at, is: folder });
    }
  });
  config.trees.forEach((tree, i) => {
    named.push({ path: ["trees", i, "at"], at: tree.at, is: folder });
  });
  const login = config.smtp?.login;
  if (login !== undefined) {
    named.push({ path: ["smtp", "login", "password-file"], at: login["password-file"], is: secret });
  }
  const keys = config.commands["patatt-keys"];
  if (keys !== undefined) named.push({ path: ["commands", "patatt-keys"], at: keys, is: folder });
  if (config.patchwork !== undefined) {
    named.push({ path: ["patchwork", "token-file"], at: config.patchwork["token-file"], is: secret });
  }
  return named;
}

function statOf(at: string): Stats | undefined {
  return statSync(at, { throwIfNoEntry: false });
}

function folder(at: string): string | undefined {
  return statOf(at)?.isDirectory() === true ? undefined : "there is no such folder";
}

/** A file that the service's user alone may read and change. */
function secret(at: string): string | undefined {
  const stats = statOf(at);
  if (stats === undefined) return "there is no such file";
  if (!stats.isFile()) return "no regular file";
  if ((stats.mode & 0o077) !== 0) return "others can read it (chmod 600)";
  const uid = process.getuid?.();
  if (uid !== undefined && stats.uid !== uid && uid !== 0) return "it belongs to another user";
  return undefined;
}
