import { EM_AARCH64 } from "../../elf/constants.ts";
import type { Arch } from "../arch.ts";
import { comparedWith } from "./bounds.ts";
import { decode } from "./decode.ts";
import { entryFrame } from "./frame.ts";
import { names } from "./names.ts";
import { registers } from "./registers.ts";
import { relocs } from "./relocs.ts";

/** AArch64 state of Arm, little-endian, as the Linux kernel uses it. Source of every encoding: Arm ARM, DDI 0487. */
export const arm64: Arch = {
  id: "arm64",
  elfMachine: EM_AARCH64,
  minInsnSize: 4,
  decode,
  comparedWith,
  registers,
  relocs,
  entryFrame,
  names,
};
