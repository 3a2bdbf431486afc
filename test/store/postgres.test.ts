import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { TestClock } from "pg-boss";
import { DEBIAN_POSTGRES, type PostgresServer, startPostgres } from "../../scripts/setup/postgres.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import type { Store } from "../../src/store/store.ts";
import { BOUNDS, contract, type Stage } from "./contract.ts";

const folder = mkdtempSync(join(tmpdir(), "objreview-postgres-"));
let server: PostgresServer;
let databases = 0;

before(async () => {
  server = await startPostgres({ programs: DEBIAN_POSTGRES, folder });
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

contract("postgres", async (t): Promise<Stage> => {
  const database = server.createDatabase(`test_${databases++}`);
  const clock = new TestClock();
  const opened: Store[] = [];
  t.after(async () => {
    for (const each of opened) await each.close();
  });
  return {
    async open() {
      const store = await openPostgresStore(database, { ...BOUNDS, clock });
      opened.push(store);
      return store;
    },
    pass: (seconds) => clock.setTime(clock.now() + seconds * 1000),
    now: () => clock.now(),
  };
});
