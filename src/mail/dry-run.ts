// What would have been sent, as files that any mail reader opens: "<Message-ID>.eml".

import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { errorWords } from "../service/log.ts";
import type { MailBody } from "./mail-body.ts";
import type { Outlet, SendOutcome } from "./outlet.ts";

export class DryRunOutlet implements Outlet {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The file is there whole or not at all. */
  async send({ messageId, raw }: MailBody): Promise<SendOutcome> {
    // No name of a file: a Message-ID may hold a slash and begin with a dot.
    const name = messageId.replaceAll(/[^\w.@+-]/g, "_").replace(/^\./, "_");
    const path = join(this.#folder, `${name}.eml`);
    try {
      await mkdir(this.#folder, { recursive: true });
      const temporary = `${path}.${process.pid}.tmp`;
      const file = await open(temporary, "w");
      try {
        await file.writeFile(raw);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      return { end: "again", error: errorWords(error) };
    }
    return { end: "sent", remote: path };
  }
}
