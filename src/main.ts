// The service: reads the environment and puts the parts together. `bin/objreview serve` loads it.

import { startService } from "./app/service.ts";
import { readSettings, SECRET_VARIABLES } from "./app/settings.ts";
import { openLog } from "./service/log.ts";
import { openPostgresStore } from "./store/postgres.ts";
import { openSqliteStore } from "./store/sqlite.ts";

/** Runs until it is told to stop. Throws UsageError where the environment does not do. */
export async function serve(): Promise<void> {
  const settings = readSettings(process.env);
  for (const name of SECRET_VARIABLES) delete process.env[name];
  const log = openLog((line) => void process.stderr.write(line));
  const store =
    settings.database === undefined
      ? await openSqliteStore(settings.storeFolder)
      : await openPostgresStore(settings.database, {
          onError: (error) => log("error", "store", { error: error.message.split("\n")[0] }),
        });
  try {
    const stopped = new Promise<void>((done) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => done());
    });
    const service = await startService({ settings, store, log });
    process.stdout.write(`${service.url}\n`);
    await stopped;
    await service.stop();
  } finally {
    await store.close();
  }
}
