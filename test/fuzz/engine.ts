import { FormatError } from "../../src/base/errors.ts";
import { mutate } from "../support/mutate.ts";
import { seededRandom } from "../support/random.ts";
import type { FuzzTarget } from "./target.ts";

/** Processor time of a case, and a millisecond more for each KiB of its input: some hundred times what a case needs. */
const CASE_MILLIS = 500;

export interface Failure {
  readonly target: string;
  readonly seed: number;
  readonly number: number;
  readonly problem: string;
}

export interface Figures {
  readonly target: string;
  cases: number;
  /** ended in a value */
  values: number;
  /** ended in a FormatError, by its code */
  readonly errors: Record<string, number>;
  slowestMillis: number;
  slowestCase: number;
}

export function newFigures(target: string): Figures {
  return { target, cases: 0, values: 0, errors: {}, slowestMillis: 0, slowestCase: 0 };
}

/** Input and random source of one case; they depend on target name, seed and number alone. */
export function makeCase(target: FuzzTarget, seeds: readonly Uint8Array[], seed: number, number: number) {
  let salt = seed;
  for (const char of `${target.name} ${number}`) salt = Math.imul(salt ^ char.charCodeAt(0), 0x01000193);
  const random = seededRandom(salt);
  const input = seeds[random() % seeds.length] as Uint8Array;
  const other = seeds[random() % seeds.length] as Uint8Array;
  return { bytes: mutate(input, other, random, target.hot?.(input)), random };
}

/** Runs one case and adds it to the figures; a broken contract comes back as a Failure. */
export function runCase(
  target: FuzzTarget,
  seeds: readonly Uint8Array[],
  seed: number,
  number: number,
  figures: Figures,
): Failure | undefined {
  const { bytes, random } = makeCase(target, seeds, seed, number);
  const failure = (problem: string): Failure => ({ target: target.name, seed, number, problem });
  const before = process.threadCpuUsage();
  let problem: string | undefined;
  try {
    target.read(bytes, random);
    figures.values++;
  } catch (error) {
    if (error instanceof FormatError) figures.errors[error.code] = (figures.errors[error.code] ?? 0) + 1;
    else problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const used = process.threadCpuUsage(before);
  const millis = (used.user + used.system) / 1000;
  figures.cases++;
  if (millis > figures.slowestMillis) {
    figures.slowestMillis = millis;
    figures.slowestCase = number;
  }
  if (problem !== undefined) return failure(problem);
  const allowed = CASE_MILLIS + bytes.length / 1024;
  return millis > allowed ? failure(`took ${millis.toFixed(0)} ms, allowed ${allowed.toFixed(0)}`) : undefined;
}
