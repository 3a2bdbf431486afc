import { parentPort, workerData } from "node:worker_threads";
import { type Failure, newFigures, runCase } from "./engine.ts";
import type { WorkerInput } from "./fuzz.ts";
import { targets } from "./targets.ts";

// The cases run here, so that the thread that waits can end one that never comes back.

const { name, seed, millis, progress } = workerData as WorkerInput;
const target = targets.find((candidate) => candidate.name === name);
if (target === undefined) throw new Error(`no fuzz target ${name}`);
const seeds = target.seeds();
// The well-formed inputs come first: they have to be read without an error.
for (const bytes of seeds) target.read(bytes, () => 1);

const counter = new Int32Array(progress);
const figures = newFigures(name);
const failures: Failure[] = [];
const end = performance.now() + millis;
for (let number = 0; performance.now() < end && failures.length < 5; number++) {
  Atomics.store(counter, 0, number);
  const failure = runCase(target, seeds, seed, number, figures);
  if (failure !== undefined) failures.push(failure);
}
parentPort?.postMessage({ figures, failures });
