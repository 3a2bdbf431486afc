// An mbox file that grows at its end, is rotated, cut off or rewritten.

import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ToolError } from "../../base/errors.ts";
import { startsWithHeader } from "../../patch/message.ts";
import type { Batch, MailSource } from "../source.ts";
import { type ConfigOf, fileFailure, gather, pause, tooBig } from "./gather.ts";
import { type MboxPiece, splitMboxStream } from "./mbox-stream.ts";

/** How far it was read, and what stood before that place: the same file still, or another one by now. */
interface Place {
  readonly offset: number;
  /** SHA-256 of the bytes before the offset, at most 4096 of them, in hexadecimal digits. */
  readonly before: string;
}

const BEFORE_BYTES = 4096;
const CHUNK_BYTES = 1024 * 1024;
/** The last message of a file that changed more lately may be half written. */
const QUIET_MILLIS = 2000;
const MAX_QUIET_WAITS = 5;
/** What is behind the name of an old file that is still an mbox. */
const ROTATED = /^[.-]\d[\d.-]*$/;
/** Old files that are read after a time in which nobody looked. */
const MAX_ROTATED = 50;

export function openMbox(config: ConfigOf<"mbox">, parts: { readonly now: () => number }): MailSource {
  const name = `mbox:${config.name}`;
  return {
    name,
    async *read(cursor, signal, skipped) {
      const file = await openRegular(name, config.at);
      try {
        let from: Place = { offset: 0, before: digest(new Uint8Array(0)) };
        const known = readCursor(cursor);
        if (known !== undefined && (await isAt(file, known))) from = known;
        else if (known !== undefined) {
          const rotated = await findRotated(config.at, known);
          if (rotated.length === 0) skipped(`${config.at}: cut off, rewritten or replaced; it is read from its start`);
          for (const [index, path] of rotated.entries()) {
            const old = await openRegular(name, path);
            try {
              yield* readFrom(old, index === 0 ? known : from, { signal, skipped, now: parts.now });
            } finally {
              await old.close();
            }
          }
        }
        yield* readFrom(file, from, { signal, skipped, now: parts.now });
      } catch (error) {
        if (error instanceof ToolError || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
        throw fileFailure(name, config.at, error);
      } finally {
        await file.close();
      }
    },
    wait: (signal) => pause(config["poll-minutes"] * 60_000, signal),
    close: async () => {},
  };
}

interface Reading {
  readonly signal: AbortSignal;
  readonly skipped: (what: string) => void;
  readonly now: () => number;
}

/** All whole messages from a place to the end of the file. */
async function* readFrom(file: FileHandle, from: Place, reading: Reading): AsyncGenerator<Batch> {
  let { offset } = from;
  const mails = gather();
  const batch = async (): Promise<Batch> => mails.take(writeCursor(await placeAt(file, offset)));
  let isSettled = false;
  let handedOut = offset;
  for (let pass = 0; ; pass++) {
    const seen = await file.stat();
    const origin = offset;
    const mayBeHalf = !isSettled && !isQuiet(seen, reading.now());
    let isHalf = false;
    for await (const piece of splitMboxStream(chunksOf(file, origin, seen.size))) {
      if (reading.signal.aborted) return;
      if (piece.isLast && mayBeHalf) {
        isHalf = true;
        break;
      }
      const raw = takePiece(piece, origin, reading.skipped);
      if (raw !== undefined) mails.add(raw);
      offset = origin + piece.end;
      if (mails.isFull) {
        handedOut = offset;
        yield await batch();
      }
    }
    if (!isHalf || pass === MAX_QUIET_WAITS) break;
    // What is whole need not wait for what may be half.
    if (!mails.isEmpty) {
      handedOut = offset;
      yield await batch();
    }
    await pause(QUIET_MILLIS, reading.signal);
    const later = await file.stat();
    isSettled = later.size === seen.size && later.mtimeMs === seen.mtimeMs;
  }
  if (offset !== handedOut) yield await batch();
}

function takePiece(piece: MboxPiece, origin: number, skipped: (what: string) => void): Uint8Array | undefined {
  const start = origin + piece.start;
  if (piece.raw === undefined) skipped(`byte ${start}: ${tooBig(piece.end - piece.start)}`);
  else if (piece.raw.length === 0) skipped(`byte ${start}: nothing behind its "From " line`);
  else if (piece.separated || (start === 0 && startsWithHeader(piece.raw))) return piece.raw;
  else skipped(`byte ${start}: text without a "From " line; perhaps the message before it was half written`);
  return undefined;
}

function isQuiet(file: Stats, now: number): boolean {
  return now - file.mtimeMs >= QUIET_MILLIS;
}

async function* chunksOf(file: FileHandle, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, to - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
    at += bytesRead;
  }
}

async function openRegular(source: string, path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    // A pipe would be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fileFailure(source, path, error);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new ToolError("failed", `${source}: ${path} is no regular file`, { command: ["read", path] });
}

/**
 * The file under another name beside it, and those that were put there after it, oldest first: what `logrotate` and mail programs call "name.1",
 * "name-20261122" ... None: it is not there.
 */
async function findRotated(path: string, place: Place): Promise<string[]> {
  const name = basename(path);
  const found: { path: string; changed: number; isIt: boolean }[] = [];
  const names = await readdir(dirname(path)).catch(() => [] as string[]);
  for (const each of names.filter((other) => other.startsWith(name) && ROTATED.test(other.slice(name.length)))) {
    const old = join(dirname(path), each);
    const file = await open(old, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
      () => undefined,
    );
    const kind = await file?.stat();
    if (file !== undefined && kind?.isFile() === true) {
      found.push({ path: old, changed: kind.mtimeMs, isIt: place.offset > 0 && (await isAt(file, place)) });
    }
    await file?.close();
  }
  found.sort((one, other) => one.changed - other.changed);
  const first = found.findLastIndex((each) => each.isIt);
  return first < 0 ? [] : found.slice(Math.max(first, found.length - MAX_ROTATED)).map((each) => each.path);
}

async function placeAt(file: FileHandle, offset: number): Promise<Place> {
  const length = Math.min(BEFORE_BYTES, offset);
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset - length);
  return { offset, before: digest(bytes.subarray(0, bytesRead)) };
}

async function isAt(file: FileHandle, place: Place): Promise<boolean> {
  const { size } = await file.stat();
  return size >= place.offset && (await placeAt(file, place.offset)).before === place.before;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function readCursor(cursor: string | undefined): Place | undefined {
  const match = /^offset (\d{1,15}) behind ([0-9a-f]{64})$/.exec(cursor ?? "");
  return match === null ? undefined : { offset: Number(match[1]), before: match[2] as string };
}

function writeCursor(place: Place): string {
  return `offset ${place.offset} behind ${place.before}`;
}
