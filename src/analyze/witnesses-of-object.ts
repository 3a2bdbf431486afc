import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { readCfi } from "../dwarf/cfi.ts";
import { EM_X86_64 } from "../elf/constants.ts";
import { openObject } from "../elf/object.ts";
import { buildCode } from "../flow/code.ts";
import { buildFlow, type Flow } from "../flow/flow.ts";
import { buildFunctions } from "../flow/functions.ts";
import { nothingOutside, type Outside } from "../flow/outside.ts";
import { type Returns, solveReturns } from "../flow/returns.ts";
import { findArch } from "../isa/index.ts";
import { chooseOrcLayout, ORC_SECTION, readOrcRows } from "../orc/rows.ts";
import { readSFrame } from "../sframe/object.ts";
import { type Frames, simulateFrames } from "../unwind/simulate.ts";
import { findOnceSaved, findUnchanged } from "../unwind/unchanged.ts";
import type { KeptBits } from "../unwind/witness-compare.ts";
import { witnessDwarf } from "../unwind/witness-dwarf.ts";
import { witnessHints } from "../unwind/witness-hints.ts";
import { witnessOrc } from "../unwind/witness-orc.ts";
import { witnessOwn } from "../unwind/witness-own.ts";
import type { WitnessRows } from "../unwind/witness-rows.ts";
import { witnessSFrame } from "../unwind/witness-sframe.ts";
import type { TreeFacts } from "./analyze-object.ts";

export interface WitnessesOfObject {
  readonly flow: Flow;
  readonly returns: Returns;
  readonly frames: Frames;
  /** What the comparison with the instructions needs beside the frames. */
  readonly kept: KeptBits;
  /** The instructions first, then what the object holds, in a fixed order: .debug_frame, .eh_frame, .sframe, .orc_unwind, hints of assembly. */
  readonly witnesses: readonly WitnessRows[];
  /** What could not be read, one line each: a witness as a whole, or entries of it. */
  readonly unread: readonly string[];
}

/** What each witness of one object says of its frames. Pure. @throws FormatError for input that is no object of a known machine */
export function witnessesOfObject(
  source: ByteSource,
  { facts, outside = nothingOutside }: { readonly facts: TreeFacts; readonly outside?: Outside },
): WitnessesOfObject {
  const object = openObject(source);
  const arch = findArch(object.machine);
  if (arch === undefined)
    throw new FormatError("unsupported", `machine ${object.machine} is not known here`, { format: "ELF", offset: 18 });
  const code = buildCode(object, arch);
  const flow = buildFlow(code, buildFunctions(code), facts.formats);
  const returns = solveReturns(flow, (symbol) => (facts.noreturn.has(symbol) ? true : outside.neverReturns(symbol)));
  const frames = simulateFrames(flow, returns);
  const kept = {
    unchanged: findUnchanged(flow, returns, frames),
    onceSaved: findOnceSaved(flow, returns, frames),
  };
  const told = readFrameWitnesses(flow);
  const witnesses = [witnessOwn(flow, frames, kept.unchanged), ...told.witnesses];
  const unread = [...told.unread];
  hear(unread, ORC_SECTION, () => {
    if (object.machine !== EM_X86_64 || object.findSection(ORC_SECTION) === NONE) return;
    const { layout } = chooseOrcLayout(object, facts.formats?.orc, flow.formats.orc);
    witnesses.push(witnessOrc(object, arch, readOrcRows(object, layout)));
  });
  if (flow.hints.length > 0) witnesses.push(witnessHints(flow, frames));
  return { flow, returns, frames, kept, witnesses, unread };
}

/** What compiler and assembler say of the frames: .debug_frame, .eh_frame, .sframe, those that the object holds. */
export function readFrameWitnesses({ code: { object, arch } }: Flow): {
  readonly witnesses: readonly WitnessRows[];
  readonly unread: readonly string[];
} {
  const witnesses: WitnessRows[] = [];
  const unread: string[] = [];
  hear(unread, "call frame information", () => {
    for (const cfi of readCfi(object)) {
      witnesses.push(witnessDwarf(arch, cfi));
      for (const fault of cfi.faults) unread.push(fault.message);
    }
  });
  hear(unread, ".sframe", () => {
    const sframe = readSFrame(object);
    if (sframe === undefined) return;
    const { witness, notes } = witnessSFrame(arch, sframe);
    witnesses.push(witness);
    for (const { text, offset } of notes) unread.push(`.sframe+0x${offset.toString(16)}: ${text}`);
  });
  return { witnesses, unread };
}

/** One that cannot be read says nothing, and the others are heard all the same. */
function hear(unread: string[], what: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    unread.push(`${what}: ${error.message}`);
  }
}
