// `objreview mail`: puts the mail service together and runs it.

import { mkdirSync, rmSync } from "node:fs";
import { UsageError } from "../base/errors.ts";
import { FolderLock } from "../kernel/lock.ts";
import type { MailConfig } from "../mail/config.ts";
import { type MailFolders, mailFolders } from "../mail/folders.ts";
import { describeErrors, type MailConfigRead, readMailConfigFile } from "../mail/read-config.ts";
import { MailService, type MailServiceParts } from "../mail/service.ts";
import { openSource } from "../mail/sources/open.ts";
import { readStatus, renderStatus } from "../mail/status.ts";
import { plural } from "../report/wrap.ts";
import { type Log, openLog } from "../service/log.ts";
import { openSqliteStores } from "../store/sqlite.ts";
import type { CommandIo } from "./check.ts";

export interface MailEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Other parts than the usual ones, for tests. */
  readonly parts?: Pick<MailServiceParts, "now" | "pace" | "review"> & { readonly retrySeconds?: number };
}

/** Each complaint is a line on standard error; undefined: it cannot be used. */
function readConfig(file: string, io: CommandIo): Extract<MailConfigRead, { ok: true }> | undefined {
  const read = readMailConfigFile(file);
  if (read.ok) return read;
  for (const line of describeErrors(file, read.errors)) io.err(`${line}\n`);
  return undefined;
}

/** @returns exit status: 0 it can be used, 1 it cannot, and standard error says where and why */
export function mailCheckConfigCommand(
  { config: file }: { readonly config: string },
  io: CommandIo,
  { env }: Pick<MailEnvironment, "env">,
): number {
  const read = readConfig(file, io);
  if (read === undefined) return 1;
  const { config, lineOf } = read;
  const { sources, trees, lists } = config;
  const refused = sources.flatMap((source, at) => {
    try {
      // It connects to nothing, and says what no schema sees.
      openSource(source, { state: mailFolders(config, env).state, stdin: NOTHING });
      return [];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return [{ line: lineOf(["sources", at]), key: `sources.${at}`, message: error.message }];
    }
  });
  for (const line of describeErrors(file, refused)) io.err(`${line}\n`);
  if (refused.length > 0) return 1;
  const sends =
    config["dry-run"] !== undefined
      ? `mails go into ${config["dry-run"]}`
      : config.smtp === undefined
        ? "nothing is sent: there is neither smtp nor dry-run"
        : `mails go to ${config.smtp.host}`;
  const talking = lists.filter((list) => list.reply !== "silent").length;
  io.out(`${file} can be used: sources ${names(sources)}; trees ${names(trees)}; ${plural(lists.length, "list")}, `);
  io.out(`${talking} of them answered; ${sends}\n`);
  return 0;
}

const NOTHING: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} };

function names(all: readonly { readonly name: string }[]): string {
  return all.map(({ name }) => name).join(", ");
}

/** @returns exit status: 0 all that was due is done, 1 a source could not be read, 2 refused or stopped */
export async function mailOnceCommand(
  options: { readonly config: string; readonly wait?: boolean },
  io: CommandIo,
  environment: MailEnvironment,
): Promise<number> {
  return withService(options.config, io, environment, openLineLog(io), async (service) => {
    const came = await service.once(environment.signal, options.wait === true);
    const isStopped = environment.signal.aborted;
    io.err(oneLine(`mail: ${isStopped ? "stopped" : "done"}: ${came.words()}`));
    if (isStopped) return 2;
    return came.isWhole ? 0 : 1;
  });
}

/** @returns exit status: 0 stopped as asked, 2 refused */
export async function mailWatchCommand(
  options: { readonly config: string },
  io: CommandIo,
  environment: MailEnvironment,
): Promise<number> {
  return withService(options.config, io, environment, openLog(io.err), async (service, config) => {
    const stdin = config.sources.find(({ kind }) => kind === "stdin");
    if (stdin !== undefined) throw new UsageError(`source ${stdin.name}: standard input is for mail once`);
    await service.watch(environment.signal);
    return 0;
  });
}

/** @returns exit status: 0, 2 when the config cannot be used */
export async function mailStatusCommand(
  options: { readonly config: string; readonly json?: boolean; readonly days: number; readonly limit: number },
  io: CommandIo,
  { env }: Pick<MailEnvironment, "env">,
): Promise<number> {
  const config = readConfig(options.config, io)?.config;
  if (config === undefined) return 2;
  const { store, mailroom: room } = await openSqliteStores(mailFolders(config, env).state);
  try {
    const now = Date.now();
    const status = await readStatus({ store, room }, now - options.days * 86_400_000, options.limit);
    io.out(options.json === true ? `${JSON.stringify(status, undefined, 2)}\n` : renderStatus(status, now));
    return 0;
  } finally {
    await store.close();
  }
}

async function withService(
  file: string,
  io: CommandIo,
  environment: MailEnvironment,
  log: Log,
  run: (service: MailService, config: MailConfig) => Promise<number>,
): Promise<number> {
  const config = readConfig(file, io)?.config;
  if (config === undefined) return 2;
  const folders = mailFolders(config, environment.env);
  mkdirSync(folders.state, { recursive: true, mode: 0o700 });
  const lock = FolderLock.tryAcquire(folders.lock);
  if (lock === undefined) throw new UsageError(`another objreview mail works in ${folders.state}`);
  try {
    // What a process that was killed left there.
    rmSync(folders.scratch, { recursive: true, force: true });
    return await withStore(config, folders, environment, log, run);
  } finally {
    lock.release();
  }
}

/** Between attempts, and how many: what fails is the network or the disk, and both come back. */
const RETRY_SECONDS = 120;
const ATTEMPTS = 5;

async function withStore(
  config: MailConfig,
  folders: MailFolders,
  { stdin, parts: { retrySeconds = RETRY_SECONDS, ...parts } = {} }: MailEnvironment,
  log: Log,
  run: (service: MailService, config: MailConfig) => Promise<number>,
): Promise<number> {
  const sources = config.sources.map((each) => openSource(each, { state: folders.state, stdin }));
  const { store, mailroom: room } = await openSqliteStores(folders.state, {
    retrySeconds,
    ...(parts.now === undefined ? {} : { now: parts.now }),
    attempts: ATTEMPTS,
  });
  try {
    const { child: settings, scratch } = folders;
    return await run(new MailService({ config, store, room, sources, settings, scratch, log, ...parts }), config);
  } finally {
    await Promise.all(sources.map((source) => source.close().catch(() => {})));
    await store.close();
  }
}

/** For people: "mail: read source=mbox:box mails=3 new=3". What is in a value is cut to one line. */
function openLineLog(io: CommandIo): Log {
  return (level, message, fields = {}) => {
    const shown = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    const line = [level === "info" ? "mail:" : `mail: ${level}:`, message, ...shown].join(" ");
    io.err(oneLine(line));
  };
}

function oneLine(text: string): string {
  return `${text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 1000)}\n`;
}
