// `objreview mail ci-hook`: a mail on standard input, results of its review as JSON on standard output, for `b4 review`.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { hookResults } from "../mail/ci-hook.ts";
import { mailFolders } from "../mail/folders.ts";
import { openMailConfig } from "../mail/read-config.ts";
import { openSqliteStores } from "../store/sqlite.ts";
import type { CommandIo } from "./check.ts";

const MAX_MAIL_BYTES = 64 * 1024 * 1024;

/** @returns exit status: 0 an array was printed; b4 takes any other as a failure of the tool */
export async function mailCiHookCommand(
  { config: file }: { readonly config: string },
  io: CommandIo,
  {
    env,
    stdin,
  }: { readonly env: Readonly<Record<string, string | undefined>>; readonly stdin: AsyncIterable<Uint8Array> },
): Promise<number> {
  const config = openMailConfig(file);
  const raw = await readAll(stdin);
  const folder = mailFolders(config, env).state;
  if (!existsSync(join(folder, "objreview.sqlite"))) throw new UsageError(`there is no mail service in ${folder} yet`);
  const { store, mailroom: room } = await openSqliteStores(folder);
  try {
    io.out(`${JSON.stringify(await hookResults({ store, room, config }, raw), undefined, 2)}\n`);
    return 0;
  } finally {
    await store.close();
  }
}

async function readAll(stdin: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    size += chunk.length;
    if (size > MAX_MAIL_BYTES) throw new UsageError("standard input is too long for a mail");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
