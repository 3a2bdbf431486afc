import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rules } from "../../src/rules/index.ts";
import type { KernelBuild } from "./build.ts";
import type { Outcome } from "./run.ts";

// Which rule has fired on mutants of which kernel: docs/parity-fired.json, held against the registry of rules by test/meta.

/** rule -> kernel, compiler and configuration -> mutants that the rule spoke of */
export type Fired = Record<string, Record<string, number>>;

/** "6.12 gcc 12 defconfig" */
export function rowName(build: KernelBuild, config: string): string {
  const { values } = build.config;
  const release = readFileSync(join(build.folder, "include/config/kernel.release"), "utf8");
  const version = /^\d+\.\d+/.exec(release)?.[0] ?? release.trim();
  const clang = Number(values.get("CONFIG_CLANG_VERSION") ?? 0);
  const gcc = Number(values.get("CONFIG_GCC_VERSION") ?? 0);
  const compiler = clang > 0 ? `clang ${Math.floor(clang / 10_000)}` : `gcc ${Math.floor(gcc / 10_000)}`;
  return `${version} ${compiler} ${config}`;
}

/** What was recorded, with the most that a run over `row` has had of each rule; rules that are gone are taken out. */
export function withRow(before: Fired, row: string, outcomes: readonly Outcome[]): Fired {
  const after: Fired = {};
  for (const { id } of rules) {
    const rows = { ...before[id] };
    const count = outcomes.filter((outcome) => outcome.number >= 0 && speaks(outcome, id)).length;
    if (count > 0) rows[row] = Math.max(count, rows[row] ?? 0);
    if (Object.keys(rows).length > 0) after[id] = Object.fromEntries(Object.entries(rows).sort());
  }
  return after;
}

/** Ours says it of the mutant. */
function speaks(outcome: Outcome, rule: string): boolean {
  return outcome.verdicts.some((each) => each.rule === rule && ["both", "only-ours", "masked"].includes(each.by));
}

export function recordFired(path: string, row: string, outcomes: readonly Outcome[]): void {
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Fired) : {};
  writeFileSync(path, `${JSON.stringify(withRow(before, row, outcomes), undefined, 2)}\n`);
}
