import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { EM_X86_64 } from "../elf/constants.ts";
import { openObject } from "../elf/object.ts";
import { buildCode } from "../flow/code.ts";
import { buildFlow, type Flow } from "../flow/flow.ts";
import { buildFunctions } from "../flow/functions.ts";
import { nothingOutside, type Outside } from "../flow/outside.ts";
import { solveReturns } from "../flow/returns.ts";
import { findArch } from "../isa/index.ts";
import { ORC_LAYOUT_TYPES } from "../orc/layout.ts";
import { type ChosenLayout, chooseOrcLayout, ORC_SECTION, type OrcTable, readOrcRows } from "../orc/rows.ts";
import { type OwnOrc, ownOrcRows } from "../unwind/orc-rows.ts";
import { simulateFrames } from "../unwind/simulate.ts";
import type { TreeFacts } from "./analyze-object.ts";

export interface OrcOfObject {
  readonly flow: Flow;
  readonly ours: OwnOrc;
  /** What the build's tool wrote into the object; absent where it wrote nothing. */
  readonly theirs?: { readonly rows: OrcTable; readonly chosen: ChosenLayout };
}

export interface OrcOfObjectOptions {
  readonly facts: TreeFacts;
  readonly outside?: Outside;
  /** Bytes of padding before each function that belong to it, 0 for none: see OrcOptions. */
  readonly prefix: number;
}

/**
 * The ORC of one object, ours and the one that is in it. Pure, and linear in its code.
 * @throws FormatError for input that is no object of a machine with ORC, or whose ORC is none
 */
export function orcOfObject(source: ByteSource, options: OrcOfObjectOptions): OrcOfObject {
  const object = openObject(source);
  const arch = findArch(object.machine);
  if (arch === undefined || object.machine !== EM_X86_64) {
    throw new FormatError("unsupported", `${arch?.id ?? `machine ${object.machine}`} has no ORC here`, {
      format: "ELF",
      offset: 18,
    });
  }
  const { facts } = options;
  const outside = options.outside ?? nothingOutside;
  const code = buildCode(object, arch);
  const flow = buildFlow(code, buildFunctions(code), facts.formats);
  const theirs = object.findSection(ORC_SECTION) === NONE ? undefined : readTheirs();
  const returns = solveReturns(flow, (symbol) => (facts.noreturn.has(symbol) ? true : outside.neverReturns(symbol)));
  const layout = theirs?.chosen.layout ?? facts.formats?.orc ?? ORC_LAYOUT_TYPES;
  const ours = ownOrcRows(flow, simulateFrames(flow, returns), { prefix: options.prefix, layout });
  return theirs === undefined ? { flow, ours } : { flow, ours, theirs };

  function readTheirs() {
    const chosen = chooseOrcLayout(object, facts.formats?.orc, flow.formats.orc);
    return { rows: readOrcRows(object, chosen.layout), chosen };
  }
}
