// What the sources share: how much one message and one batch may be, and waiting that can be ended.

import { setTimeout as sleep } from "node:timers/promises";
import { ToolError } from "../../base/errors.ts";
import type { IncomingMail } from "../../store/mailroom.ts";
import type { SourceConfig } from "../config.ts";
import type { Batch } from "../source.ts";
import { messageIdOf } from "./message-id.ts";

/** A bigger mail is nothing that `git am` is given. */
export const MAX_MAIL_BYTES = 16 * 1024 * 1024;
/** One transaction of the store each. */
export const BATCH_MAILS = 200;
export const BATCH_BYTES = 16 * 1024 * 1024;

/** Mails until they are a batch: at most 200, and no more behind 16 MiB. */
export interface Gathering {
  readonly isFull: boolean;
  readonly isEmpty: boolean;
  add(raw: Uint8Array): void;
  /** What was gathered since the last time, with where to go on behind it. */
  take(cursor: string | undefined): Batch;
}

export function gather(): Gathering {
  let mails: IncomingMail[] = [];
  let bytes = 0;
  return {
    get isFull() {
      return mails.length >= BATCH_MAILS || bytes >= BATCH_BYTES;
    },
    get isEmpty() {
      return mails.length === 0;
    },
    add(raw) {
      mails.push({ messageId: messageIdOf(raw), raw });
      bytes += raw.length;
    },
    take(cursor) {
      const batch = { mails, cursor };
      mails = [];
      bytes = 0;
      return batch;
    },
  };
}

/** "more than 16 MiB" for people. */
export function tooBig(bytes: number): string {
  return `${bytes} bytes, at most ${MAX_MAIL_BYTES} are taken`;
}

/** Back after so long, or as soon as the signal says so. */
export async function pause(millis: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await sleep(millis, undefined, { signal }).catch(() => {});
}

/** What a file operation failed with, as the source's failure. */
export function fileFailure(source: string, path: string, error: unknown): ToolError {
  const { code } = error as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ENOENT: "does not exist",
    EACCES: "may not be read",
    ENOTDIR: "is not below a folder",
  };
  return new ToolError(code === "ENOENT" ? "not-found" : "failed", `${source}: ${path} ${words[code ?? ""] ?? code}`, {
    command: ["read", path],
    cause: error,
  });
}

/** The configuration of one kind of source. */
export type ConfigOf<Kind extends SourceConfig["kind"]> = Extract<SourceConfig, { kind: Kind }>;
