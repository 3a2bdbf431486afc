// The service as src/main.ts starts it, in a process that a test may kill: the same parts, but for shorter waits, a clock that may be ahead, so that
// the leases of a process that was killed end at once, and, once $TEST_RESULT is there, that result of an earlier
// review in place of another build.
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { startService } from "../../src/app/service.ts";
import { readSettings, SECRET_VARIABLES } from "../../src/app/settings.ts";
import { parseReviewJson } from "../../src/report/json.ts";
import { reviewInChild } from "../../src/service/child.ts";
import { openLog } from "../../src/service/log.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { openSeriesTree } from "../support/series-tree.ts";

const { TEST_AHEAD_SECONDS = "0", TEST_RESULT, TEST_REVIEW_STATE, TEST_MIRROR } = process.env;
const given = readSettings(process.env);
for (const name of SECRET_VARIABLES) delete process.env[name];
if (TEST_MIRROR !== undefined) {
  // What is fetched goes to the repository that other tests have work trees of: writing 87,000 files takes longer than all that is tested here.
  mkdirSync(given.mirrorFolder, { recursive: true });
  symlinkSync(openSeriesTree().dir, join(given.mirrorFolder, TEST_MIRROR));
}
const ahead = Number(TEST_AHEAD_SECONDS) * 1000;
const store = await openSqliteStore(given.storeFolder, { now: () => Date.now() + ahead, retrySeconds: 0 });
const stopped = new Promise<void>((done) => process.once("SIGTERM", () => done()));
const service = await startService({
  settings: { ...given, reviewState: TEST_REVIEW_STATE ?? given.reviewState },
  store,
  log: openLog((line) => void process.stderr.write(line)),
  pace: { idleMillis: 50, beatMillis: 500, progressMillis: 1000, sweepMillis: 500, reconcileMillis: 3_600_000 },
  review: async (folders, review) =>
    TEST_RESULT !== undefined && existsSync(TEST_RESULT)
      ? parseReviewJson(readFileSync(TEST_RESULT, "utf8"))
      : reviewInChild(folders, review),
});
process.stdout.write(`${service.url}\n`);
await stopped;
await service.stop();
await store.close();
