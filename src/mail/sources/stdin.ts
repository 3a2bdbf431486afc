// One mail or an mbox on standard input, once.

import { UsageError } from "../../base/errors.ts";
import type { MailSource } from "../source.ts";
import { type ConfigOf, gather, pause, tooBig } from "./gather.ts";
import { splitMboxStream } from "./mbox-stream.ts";

/** A day: nothing ever comes again, and nobody is to look again and again. */
const NOTHING_NEW_MILLIS = 24 * 3600 * 1000;

/** It has no cursor: what was read from a pipe cannot be read again. */
export function openStdin(config: ConfigOf<"stdin">, stdin: AsyncIterable<Uint8Array> | undefined): MailSource {
  const name = `stdin:${config.name}`;
  if (stdin === undefined) throw new UsageError(`${name}: there is no standard input here`);
  let isRead = false;
  return {
    name,
    async *read(_cursor, signal, skipped) {
      if (isRead) return;
      isRead = true;
      const mails = gather();
      let number = 0;
      for await (const piece of splitMboxStream(stdin, { wholeWithoutSeparator: true })) {
        if (signal.aborted) return;
        number++;
        if (piece.raw === undefined) skipped(`message ${number}: ${tooBig(piece.end - piece.start)}`);
        else if (piece.raw.length === 0) skipped(`message ${number}: nothing behind its "From " line`);
        else mails.add(piece.raw);
        if (mails.isFull) yield mails.take(undefined);
      }
      if (!mails.isEmpty) yield mails.take(undefined);
    },
    wait: (signal) => pause(NOTHING_NEW_MILLIS, signal),
    close: async () => {},
  };
}
