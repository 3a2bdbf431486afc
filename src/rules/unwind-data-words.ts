import { NONE } from "../base/table.ts";
import type { Arch } from "../isa/arch.ts";
import { describeCfa, describeSaved, type FrameState } from "../unwind/state.ts";
import { claimWhy } from "../unwind/witness-claims.ts";
import { SUBJECT_CFA, SUBJECT_SIGNAL } from "../unwind/witness-compare.ts";
import {
  describeRule,
  describeWitnessCfa,
  findRule,
  RETURN_ADDRESS,
  RULE_SAME,
  registerName,
  type WitnessRows,
} from "../unwind/witness-rows.ts";
import type { WrongClaim, WrongPlace } from "./unwind-data.ts";

// What a place of wrong unwind data is told as: what the witness says, and what is so.

/** Fills the messages: "{witness} says that {claim}; {actual}". No part of the fingerprint. */
export function claimWords(arch: Arch, state: FrameState, { said }: WrongPlace): Record<string, string> {
  const first = said[0] as WrongClaim;
  const { rows, subject, stretch } = first;
  const also = [...new Set(said.map((each) => each.subject))].filter((each) => each !== subject);
  const names = also.map((each) => subjectWord(arch, each));
  const more = names.length === 0 ? "" : `, and it is wrong of ${names.join(", ")} too`;
  return {
    witness: witnessWord[rows.witness],
    claim: claimOf(arch, rows, subject, stretch.frame),
    actual: `${actualOf(arch, state, first)}${more}`,
  };
}

const witnessWord: Readonly<Record<WitnessRows["witness"], string>> = {
  instructions: "the code",
  debug_frame: ".debug_frame",
  eh_frame: ".eh_frame",
  sframe: ".sframe",
  orc: ".orc_unwind",
  hints: "the hints",
};

function subjectWord(arch: Arch, subject: number): string {
  if (subject === SUBJECT_CFA) return "the CFA";
  if (subject === SUBJECT_SIGNAL) return "whether it was interrupted";
  return subject === RETURN_ADDRESS ? "the return address" : registerName(arch, subject);
}

/** "the CFA is rsp+16", "r13 is unchanged" */
function claimOf(arch: Arch, rows: WitnessRows, subject: number, frame: number): string {
  if (subject === SUBJECT_CFA) {
    const words = describeWitnessCfa(arch, rows, frame);
    return words.startsWith("CFA=") ? `the CFA is ${words.slice(4)}` : `the CFA is ${words.replace(/^CFA /, "")}`;
  }
  if (subject === SUBJECT_SIGNAL) return "an interrupt made this frame, or none did";
  const rule = findRule(rows, frame, subject);
  const column = rows.rules;
  const words =
    rule === NONE
      ? describeRule(arch, RULE_SAME, 0, 0)
      : describeRule(arch, column.rule[rule] as number, column.base[rule] as number, column.offset[rule] as number);
  return `${subjectWord(arch, subject)} is ${words}`;
}

/** "it is rsp+8", "the instructions saved it at CFA-24" */
function actualOf(arch: Arch, state: FrameState, { subject, why }: WrongClaim): string {
  if (subject === SUBJECT_CFA) {
    const words = describeCfa(arch, state);
    return words.startsWith("CFA=")
      ? `it is ${words.slice(4)}`
      : `by the instructions it is ${words.replace(/^CFA /, "")}`;
  }
  if (subject === SUBJECT_SIGNAL) return "by the instructions it is the other way round";
  if (subject === RETURN_ADDRESS) return "it is where the call put it";
  const slot = describeSaved(state, subject);
  if (slot !== undefined) return `the instructions saved it at ${slot}`;
  if (why === claimWhy.belowStack) return "it has the caller's value again, and that slot is below the stack pointer";
  if (why === claimWhy.neverStored) return "it has the caller's value, and not every way there stored it in that slot";
  return "it has the caller's value again";
}
