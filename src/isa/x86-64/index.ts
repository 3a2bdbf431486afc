import { EM_X86_64 } from "../../elf/constants.ts";
import type { Arch } from "../arch.ts";
import { comparedWith } from "./bounds.ts";
import { decode } from "./decode.ts";
import { names } from "./names.ts";
import { entryFrame, registers } from "./registers.ts";
import { relocs } from "./relocs.ts";
import { sampleCode } from "./sample.ts";

/** 64-bit mode of x86. */
export const x86_64: Arch = {
  id: "x86-64",
  elfMachine: EM_X86_64,
  minInsnSize: 1,
  decode,
  sampleCode,
  comparedWith,
  registers,
  relocs,
  entryFrame,
  names,
};
