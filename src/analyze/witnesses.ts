import { FormatError } from "../base/errors.ts";
import { readNoreturnFunctions } from "../dwarf/noreturn.ts";
import type { Flow } from "../flow/flow.ts";
import type { Returns } from "../flow/returns.ts";
import type { Witnesses } from "../rules/rule.ts";
import type { Frames } from "../unwind/simulate.ts";
import { findOnceSaved, findUnchanged } from "../unwind/unchanged.ts";
import { compareWitness } from "../unwind/witness-compare.ts";
import { witnessOwn } from "../unwind/witness-own.ts";
import type { Compilers } from "./compilers.ts";
import { WitnessTable } from "./frame-table.ts";
import { readFrameWitnesses } from "./witnesses-of-object.ts";

export interface OpenWitnesses extends Witnesses {
  /** All that `frames` holds, and the instructions, side by side: for the findings that show it. */
  table(): WitnessTable;
}

/**
 * What compiler and assembler say of an object, for the rules that ask: read when the first one does, and once.
 * @param unread is told what could not be read, one line each
 */
export function openWitnesses(
  flow: Flow,
  returns: Returns,
  frames: Frames,
  compilers: Compilers,
  unread: (why: string) => void,
): OpenWitnesses {
  const kept = once(() => ({
    unchanged: findUnchanged(flow, returns, frames),
    onceSaved: findOnceSaved(flow, returns, frames),
  }));
  const told = once(() => {
    const read = readFrameWitnesses(flow);
    for (const why of read.unread) unread(`not read: ${why}`);
    return read.witnesses.map((rows) => {
      const comparison = compareWitness(flow, frames, kept(), rows, compilers.redZone());
      const { length } = comparison.absent;
      if (length > 0)
        unread(`${rows.witness} has no row for ${length} function${length === 1 ? "" : "s"} of this object`);
      return { rows, comparison };
    });
  });
  return {
    frames: told,
    table: once(() => {
      const own = witnessOwn(flow, frames, kept().unchanged);
      const witnesses = [own, ...told().map(({ rows }) => rows)];
      return new WitnessTable({ flow, returns, frames, kept: kept(), witnesses });
    }),
    noreturn: once(() => {
      try {
        return readNoreturnFunctions(flow.code.object);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        unread(`not read: which functions the source declares noreturn: ${error.message}`);
        return [];
      }
    }),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
