import { Worker } from "node:worker_threads";
import { type Failure, type Figures, newFigures } from "./engine.ts";

/** A case that takes this much of a processor is ended and told as a hang; time on the clock would blame a busy machine. */
const HANG_MILLIS = 20_000;
/** Heap of the thread that runs the cases. */
const HEAP_MEGABYTES = 512;

export interface WorkerInput {
  readonly name: string;
  readonly seed: number;
  readonly millis: number;
  /** One 32-bit integer: the number of the case that runs. */
  readonly progress: SharedArrayBuffer;
}

export interface FuzzResult {
  readonly figures: Figures;
  readonly failures: readonly Failure[];
}

/** Fuzzes one target for `millis` and tells what happened; a hang and a full heap are failures like any other. */
export function fuzz(name: string, seed: number, millis: number): Promise<FuzzResult> {
  const progress = new SharedArrayBuffer(4);
  const counter = new Int32Array(progress);
  const workerData: WorkerInput = { name, seed, millis, progress };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
  });
  return new Promise((resolve) => {
    const fail = (problem: string) => {
      finish({ figures: newFigures(name), failures: [{ target: name, seed, number: counter[0]!, problem }] });
    };
    let last = -1;
    let since = processorMillis();
    const watch = setInterval(() => {
      const now = processorMillis();
      if (counter[0] !== last) {
        last = counter[0]!;
        since = now;
      } else if (now - since > HANG_MILLIS) fail(`no end after ${HANG_MILLIS} ms`);
    }, 500);
    const finish = (result: FuzzResult) => {
      clearInterval(watch);
      void worker.terminate();
      resolve(result);
    };
    worker.on("message", finish);
    worker.on("error", (error) => fail(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    worker.on("exit", (code) => fail(`the thread ended with ${code}`));
  });
}

/** Processor time of all threads of this process, in milliseconds. */
function processorMillis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
