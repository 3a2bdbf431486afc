// A mailbox on an IMAP server (RFC 9051, 3501), opened read-only: nothing is flagged, moved or deleted. New mail is told by IDLE (RFC 2177).

import { isIP } from "node:net";
import { ImapFlow } from "imapflow";
import { ToolError, UsageError } from "../../base/errors.ts";
import { readSecretFile } from "../secret-file.ts";
import type { MailSource } from "../source.ts";
import { type ConfigOf, gather, MAX_MAIL_BYTES, pause, tooBig } from "./gather.ts";

type ImapConfig = ConfigOf<"imap">;

/** All up to this UID was seen, under this UIDVALIDITY. */
interface Place {
  readonly validity: string;
  readonly uid: number;
  /** Milliseconds since 1970, our clock: when that was. */
  readonly at: number;
}

const DAY_MILLIS = 24 * 3600 * 1000;
/** UIDs whose sizes are asked for at once. */
const SIZES_AT_ONCE = 1000;
/** Bytes of messages that are asked for at once. */
const BYTES_AT_ONCE = 8 * 1024 * 1024;
/** IDLE is begun anew; servers end it after 30 minutes (RFC 2177). */
const IDLE_MILLIS = 9 * 60_000;
const FIRST_RETRY_MILLIS = 1000;
const LAST_RETRY_MILLIS = 5 * 60_000;
/** A connection that was lost so soon is a failure like one that was refused. */
const SHORT_LIFE_MILLIS = 60_000;
const CONNECT_MILLIS = 30_000;

export function openImap(config: ImapConfig, parts: { readonly now: () => number }): MailSource {
  const name = `imap:${config.name}`;
  if (config.tls === "off" && !isLoopback(config.host)) {
    throw new UsageError(`${name}: tls may be off for a server on this machine only, not for ${config.host}`);
  }
  let client: ImapFlow | undefined;
  /** Connections in a row that came to nothing. */
  let failures = 0;
  let hasNews = false;
  let wake: () => void = () => {};

  const connect = async (signal: AbortSignal): Promise<ImapFlow> => {
    if (client?.usable === true) return client;
    client?.close();
    const opened = new ImapFlow(clientOptions(config, name));
    const openedAt = performance.now();
    const abort = (): void => opened.close();
    signal.addEventListener("abort", abort, { once: true });
    opened.on("error", () => {
      // "close" follows, or the command that was under way is rejected.
    });
    opened.on("exists", () => {
      hasNews = true;
      wake();
    });
    opened.on("close", () => {
      if (client === opened) {
        client = undefined;
        failures = performance.now() - openedAt < SHORT_LIFE_MILLIS ? failures + 1 : 0;
      }
      wake();
    });
    try {
      await opened.connect();
      await opened.mailboxOpen(config.mailbox, { readOnly: true });
      client = opened;
      return opened;
    } catch (error) {
      opened.close();
      failures++;
      throw failure(config, name, error);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };

  return {
    name,
    async *read(cursor, signal, skipped) {
      if (signal.aborted) return;
      const imap = await connect(signal);
      hasNews = false;
      try {
        // A server tells what came behind a command, and a search finds what was told.
        await imap.noop();
        const { mailbox } = imap;
        if (mailbox === false) throw new Error("the mailbox was closed");
        const validity = String(mailbox.uidValidity);
        const known = readCursor(cursor);
        const isSame = known !== undefined && known.validity === validity;
        if (known !== undefined && !isSame) {
          skipped(`${config.mailbox}: UIDVALIDITY is ${validity}, was ${known.validity}; it is read again`);
        }
        const started = parts.now();
        // INTERNALDATE is compared without time and time zone (RFC 9051 6.4.4).
        const days = started - config["since-days"] * DAY_MILLIS;
        const since = Math.min(days, known?.at ?? days) - DAY_MILLIS;
        let uid = isSame ? known.uid : 0;
        // Read before the search: what comes between the two is found again by its UID.
        const last = isSame ? uid : Math.max(0, mailbox.uidNext - 1);
        const query = isSame ? { uid: `${uid + 1}:*` } : { since: new Date(since) };
        const uids = ((await imap.search(query, { uid: true })) || [])
          .filter((each) => each > uid)
          .sort((a, b) => a - b);
        const mails = gather();
        const place = (): string => writeCursor({ validity, uid, at: started });
        for await (const group of sizedGroups(imap, uids, skipped)) {
          if (signal.aborted) return;
          const bodies = await download(imap, group.uids);
          for (const each of group.uids) {
            const raw = bodies.get(each);
            // Undefined: somebody removed it meanwhile.
            if (raw !== undefined && raw.length > MAX_MAIL_BYTES) skipped(`UID ${each}: ${tooBig(raw.length)}`);
            else if (raw !== undefined) mails.add(raw);
            uid = each;
            if (mails.isFull) yield mails.take(place());
          }
          uid = Math.max(uid, group.last);
        }
        uid = Math.max(uid, last);
        if (!mails.isEmpty || !isSame || uid !== known.uid) yield mails.take(place());
        if (imap.usable) failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        // Half a conversation cannot be gone on with.
        imap.close();
        throw failure(config, name, error);
      }
    },
    async wait(signal) {
      const imap = client;
      if (signal.aborted || hasNews) return;
      if (imap?.usable !== true) {
        const millis = Math.min(FIRST_RETRY_MILLIS * 2 ** Math.max(0, failures - 1), LAST_RETRY_MILLIS);
        return pause(failures === 0 ? 0 : millis, signal);
      }
      const woken = new AbortController();
      wake = () => woken.abort();
      // It ends when the next command is sent, or the connection.
      imap.idle().catch(() => false);
      await pause(IDLE_MILLIS, AbortSignal.any([signal, woken.signal]));
      wake = () => {};
    },
    async close() {
      const imap = client;
      client = undefined;
      if (imap === undefined) return;
      await Promise.race([imap.logout().catch(() => {}), pause(1000, new AbortController().signal)]);
      imap.close();
    },
  };
}

function clientOptions(config: ImapConfig, name: string): ConstructorParameters<typeof ImapFlow>[0] {
  return {
    host: config.host,
    port: config.port ?? (config.tls === "implicit" ? 993 : 143),
    secure: config.tls === "implicit",
    ...(config.tls === "implicit" ? {} : { doSTARTTLS: config.tls === "starttls" }),
    // A certificate can name an address; SNI cannot.
    ...(isIP(config.host) === 0 ? { servername: config.host } : {}),
    auth: {
      user: config.login.user,
      pass: readSecretFile(config.login["password-file"], `${name}: the password file`),
    },
    logger: false,
    clientInfo: { name: "objreview" },
    disableAutoIdle: true,
    // What is compressed may be of any size when it is not.
    disableCompression: true,
    maxIdleTime: IDLE_MILLIS,
    connectionTimeout: CONNECT_MILLIS,
    greetingTimeout: CONNECT_MILLIS,
    maxLiteralSize: MAX_MAIL_BYTES + 1024,
    maxLineLength: 4 * MAX_MAIL_BYTES,
    maxResponseSize: 5 * MAX_MAIL_BYTES,
  };
}

/** UIDs in their order with no more bytes than can be asked for at once; a message that is too big is named and left out. */
async function* sizedGroups(
  imap: ImapFlow,
  uids: readonly number[],
  skipped: (what: string) => void,
): AsyncGenerator<{ uids: number[]; last: number }> {
  for (let at = 0; at < uids.length; at += SIZES_AT_ONCE) {
    const some = uids.slice(at, at + SIZES_AT_ONCE);
    const sizes = new Map<number, number>();
    for (const each of await imap.fetchAll(some.join(","), { uid: true, size: true }, { uid: true })) {
      sizes.set(each.uid, each.size ?? 0);
    }
    let group: number[] = [];
    let bytes = 0;
    for (const uid of some) {
      const size = sizes.get(uid);
      if (size === undefined) continue;
      if (size > MAX_MAIL_BYTES) {
        skipped(`UID ${uid}: ${tooBig(size)}`);
        continue;
      }
      if (bytes + size > BYTES_AT_ONCE && group.length > 0) {
        yield { uids: group, last: group.at(-1) as number };
        group = [];
        bytes = 0;
      }
      group.push(uid);
      bytes += size;
    }
    yield { uids: group, last: some.at(-1) as number };
  }
}

/** BODY.PEEK, which sets no flag. The server may be wrong about a size, so what is asked for is bounded too. */
async function download(imap: ImapFlow, uids: readonly number[]): Promise<Map<number, Buffer>> {
  if (uids.length === 0) return new Map();
  const query = { uid: true, source: { start: 0, maxLength: MAX_MAIL_BYTES + 1 } };
  const messages = await imap.fetchAll(uids.join(","), query, { uid: true });
  return new Map(messages.flatMap((each) => (each.source === undefined ? [] : [[each.uid, each.source] as const])));
}

/** One line that names server and reason, without what was sent: that holds the password. */
function failure(config: ImapConfig, name: string, error: unknown): ToolError {
  if (error instanceof ToolError) return error;
  const { authenticationFailed, responseText, code, message, mailboxMissing } = error as {
    authenticationFailed?: boolean;
    responseText?: string;
    code?: string;
    message?: string;
    mailboxMissing?: boolean;
  };
  const server = `${config.host}:${config.port ?? (config.tls === "implicit" ? 993 : 143)}`;
  const said = (responseText ?? code ?? message ?? "").replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
  const reason =
    authenticationFailed === true
      ? `refuses the login of ${config.login.user}`
      : mailboxMissing === true
        ? `has no mailbox ${config.mailbox}`
        : said;
  return new ToolError("failed", `${name}: ${server}: ${reason}`, { command: ["imap", server], cause: undefined });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function readCursor(cursor: string | undefined): Place | undefined {
  const match = /^uidvalidity (\d{1,20}) uid (\d{1,10}) at (\d{1,15})$/.exec(cursor ?? "");
  if (match === null) return undefined;
  return { validity: match[1] as string, uid: Number(match[2]), at: Number(match[3]) };
}

function writeCursor(place: Place): string {
  return `uidvalidity ${place.validity} uid ${place.uid} at ${Math.floor(place.at)}`;
}
