// A Maildir (cr.yp.to/proto/maildir.html), which is only looked at: nothing is moved, renamed or flagged.

import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { ToolError } from "../../base/errors.ts";
import type { Batch, MailSource } from "../source.ts";
import { type ConfigOf, fileFailure, gather, MAX_MAIL_BYTES, pause, tooBig } from "./gather.ts";

// A message's name says nothing of when it became visible, and names of all that was read would grow for ever. What the kernel says is the time of the last
// change of the inode: it is set when a file is moved into new/, and whoever moves or flags it only makes it later. So all that changed before the latest change
// that was seen has been read. The cursor is that one time; changes shortly before it are looked at again, for file systems that leave the time alone when a file
// is moved, and for clocks that are set. Within one process what was delivered is remembered, so this costs a look at the folder.

/** Milliseconds: how long a program may take from writing a message in tmp/ to moving it, and by how much a clock may be set back. */
const LOOK_BACK_MILLIS = 10 * 60 * 1000;
/** Names that are remembered within one process; with more they are forgotten, and what is in the look-back is delivered again. */
const MAX_REMEMBERED = 200_000;
/** Files that are looked at side by side. */
const FILES_AT_ONCE = 256;
/** A message that is moved from new/ to cur/ while it is looked for. */
const MAX_SCANS = 3;

interface Found {
  /** Folder and name as bytes: a name may be any. */
  readonly path: Buffer;
  /** For people. */
  readonly name: string;
  /** The name without flags: it stays the same all the message's life. */
  readonly unique: string;
  readonly changed: number;
}

export function openMaildir(config: ConfigOf<"maildir">, parts: { readonly now: () => number }): MailSource {
  const name = `maildir:${config.name}`;
  /** Unique name -> its change as of then. Only what the reader came back for after it was handed out: it may have failed to store it. */
  const delivered = new Map<string, number>();
  let handedOut: string | undefined;
  /** What cannot be taken is said once. */
  const complained = new Set<string>();
  const quiet = new QuietFolders(config.at);

  return {
    name,
    async *read(cursor, signal, skipped) {
      if (cursor !== handedOut) {
        delivered.clear();
        quiet.forget();
      }
      handedOut = cursor;
      if (await quiet.nothingChanged()) return;
      const start = readCursor(cursor);
      const now = parts.now();
      // A change in the future: the clock was wrong then, so the time says nothing.
      const since = start === undefined || start > now + LOOK_BACK_MILLIS ? 0 : start - LOOK_BACK_MILLIS;
      const complain = (unique: string, what: string): void => {
        if (complained.size > MAX_REMEMBERED) complained.clear();
        if (!complained.has(unique)) skipped(what);
        complained.add(unique);
      };
      let latest = since === 0 ? 0 : (start as number);
      for (let scan = 1, again = true; again && scan <= MAX_SCANS; scan++) {
        again = false;
        const mails = gather();
        let names: [string, number][] = [];
        for (const each of await look(name, config.at, since, signal, complain)) {
          if (signal.aborted) return;
          if (!delivered.has(each.unique)) {
            const raw = await readMessage(each, complain);
            if (raw === "gone") again = true;
            else names.push([each.unique, each.changed]);
            if (raw !== "gone" && raw !== undefined) mails.add(raw);
          }
          // What is behind a message that moved away stays unread for the cursor until that one is found again.
          if (!again) latest = Math.max(latest, Math.min(each.changed, now));
          if (mails.isFull) yield* handOut();
        }
        if (!mails.isEmpty || writeCursor(latest) !== cursor) yield* handOut();
        remember(names);

        function* handOut(): Generator<Batch> {
          const batch = mails.take(writeCursor(latest));
          const handed = names;
          names = [];
          yield batch;
          handedOut = batch.cursor;
          remember(handed);
        }
      }
      for (const [unique, changed] of delivered) if (changed < latest - 2 * LOOK_BACK_MILLIS) delivered.delete(unique);
      if (!signal.aborted) quiet.lookedAt();
    },
    wait: (signal) => pause(config["poll-minutes"] * 60_000, signal),
    close: async () => {},
  };

  function remember(names: readonly [string, number][]): void {
    if (delivered.size + names.length > MAX_REMEMBERED) delivered.clear();
    for (const [unique, changed] of names) delivered.set(unique, changed);
  }
}

/** The folders' own times: while neither has changed since both were looked at whole, there is nothing to look at. */
class QuietFolders {
  readonly #at: string;
  #seen = "";
  #known: string | undefined;

  constructor(at: string) {
    this.#at = at;
  }

  /** Notes the times as they are before a look, and says whether they are those of the last whole look. */
  async nothingChanged(): Promise<boolean> {
    this.#seen = "";
    try {
      const began = Date.now();
      const times = await Promise.all(["new", "cur"].map(async (part) => (await lstat(`${this.#at}/${part}`)).mtimeMs));
      // A change within the clock's last tick could have the same time.
      if (times.every((time) => time < began - 2000)) this.#seen = times.join(" ");
    } catch {
      // Whoever lists the folder says what is wrong with it.
    }
    return this.#seen !== "" && this.#seen === this.#known;
  }

  lookedAt(): void {
    this.#known = this.#seen === "" ? undefined : this.#seen;
  }

  forget(): void {
    this.#known = undefined;
  }
}

/** Milliseconds since 1970, or undefined: from the beginning. */
function readCursor(cursor: string | undefined): number | undefined {
  const match = /^changed (\d{1,15})$/.exec(cursor ?? "");
  return match === null ? undefined : Number(match[1]);
}

function writeCursor(changed: number): string {
  return `changed ${Math.floor(changed)}`;
}

/** Regular files in new/ and cur/ that changed since, the oldest change first. */
async function look(
  source: string,
  at: string,
  since: number,
  signal: AbortSignal,
  complain: (unique: string, what: string) => void,
): Promise<Found[]> {
  const found: Found[] = [];
  // new/ first: what moves meanwhile moves to cur/, and is seen there at the latest.
  for (const folder of ["new", "cur"]) {
    const path = `${at}/${folder}`;
    const names = (await listFolder(source, path)).filter((each) => !each.startsWith("."));
    for (let from = 0; from < names.length; from += FILES_AT_ONCE) {
      if (signal.aborted) return [];
      const some = names.slice(from, from + FILES_AT_ONCE).map((latin1) => ({
        path: Buffer.concat([Buffer.from(`${path}/`), Buffer.from(latin1, "latin1")]),
        name: `${folder}/${printable(latin1)}`,
        unique: latin1.split(":")[0] as string,
      }));
      const kinds = await Promise.all(
        some.map((each) => lstat(each.path).catch((error: NodeJS.ErrnoException) => error)),
      );
      for (const [index, each] of some.entries()) {
        const kind = kinds[index] as (typeof kinds)[number];
        if (kind instanceof Error) {
          // Moved or removed in between.
          if (kind.code !== "ENOENT") complain(each.unique, `${each.name}: ${kind.code}`);
        } else if (!kind.isFile()) complain(each.unique, `${each.name}: no regular file`);
        else if (kind.ctimeMs < since) continue;
        else if (kind.size > MAX_MAIL_BYTES) complain(each.unique, `${each.name}: ${tooBig(kind.size)}`);
        else found.push({ ...each, changed: kind.ctimeMs });
      }
    }
  }
  // A message that was moved between the two looks is there twice.
  const byUnique = new Map(found.map((each) => [each.unique, each]));
  return [...byUnique.values()].sort((a, b) => a.changed - b.changed || (a.unique < b.unique ? -1 : 1));
}

async function listFolder(source: string, path: string): Promise<string[]> {
  try {
    if (!(await lstat(path)).isDirectory()) {
      throw new ToolError("failed", `${source}: ${path} is no folder (a link is not followed)`, {
        command: ["read", path],
      });
    }
    return await readdir(path, { encoding: "latin1" });
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw fileFailure(source, path, error);
  }
}

/** undefined: it cannot be taken; "gone": it has another name by now, or was removed. */
async function readMessage(
  found: Found,
  complain: (unique: string, what: string) => void,
): Promise<Uint8Array | "gone" | undefined> {
  try {
    // Nobody's link and nobody's pipe: who may write into the Maildir may not read with our rights.
    const file = await open(found.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const kind = await file.stat();
      if (!kind.isFile() || kind.size > MAX_MAIL_BYTES) {
        complain(found.unique, `${found.name}: ${kind.isFile() ? tooBig(kind.size) : "no regular file"}`);
        return undefined;
      }
      const bytes = Buffer.alloc(kind.size);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      if (length === 0) {
        complain(found.unique, `${found.name}: empty`);
        return undefined;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "gone";
    complain(found.unique, `${found.name}: ${code === "ELOOP" ? "a link, which is not followed" : code}`);
    return undefined;
  }
}

function printable(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, "?").slice(0, 200);
}
