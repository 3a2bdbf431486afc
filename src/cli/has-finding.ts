import { analyzeObject } from "../analyze/analyze-object.ts";
import { UsageError } from "../base/errors.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { openFileSource } from "../kernel/file-source.ts";
import { safeText } from "../report/safe.ts";
import type { CommandIo } from "./check.ts";
import { inputError } from "./tree-input.ts";

// What an interestingness test of a reducer asks thousands of times: is this finding still there?

/** Exit status: 0 the object has it, 1 it has not, 2 it could not be looked at. What only a comparison with a base tells counts, too. */
export function hasFindingCommand(paths: readonly string[], fingerprint: string, io: CommandIo): number {
  const [path = "", ...more] = paths;
  try {
    if (more.length > 0) throw new UsageError("--has is asked of one object");
    if (!/^[0-9a-f]{8,64}$/.test(fingerprint)) throw new UsageError("--has: a fingerprint is hexadecimal");
    const source = openFileSource(path);
    try {
      const knownDefects = { show: true };
      const { findings, comparison } = analyzeObject(source, {
        knownDefects,
        facts: builtInFacts,
        witnesses: true,
        forComparison: true,
      });
      return [...findings, ...(comparison?.contracts ?? [])].some((each) => each.fingerprint === fingerprint) ? 0 : 1;
    } finally {
      source.close();
    }
  } catch (error) {
    io.err(`objreview: ${safeText(inputError(path, error))}\n`);
    return 2;
  }
}
