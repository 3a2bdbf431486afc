import { EM_AARCH64, EM_X86_64 } from "../elf/constants.ts";
import {
  SFRAME_ABI_AARCH64_ENDIAN_BIG,
  SFRAME_ABI_AARCH64_ENDIAN_LITTLE,
  SFRAME_ABI_AMD64_ENDIAN_LITTLE,
  SFRAME_ABI_S390X_ENDIAN_BIG,
} from "./constants.ts";

/** What a table's ABI says of its rows. Registers have DWARF's numbers. */
export interface SFrameAbi {
  readonly name: string;
  /** e_machine of the objects that have it */
  readonly elfMachine: number;
  readonly bigEndian: boolean;
  readonly sp: number;
  readonly fp: number;
  /** A word of the return address or frame pointer with bit 0 set is a register's number, shifted left by one; not in version 3. */
  readonly wordsNameRegisters: boolean;
  /** The offset of the CFA is stored scaled and shifted. */
  readonly scaledCfa: boolean;
}

const EM_S390 = 22; // gABI, e_machine

const aarch64 = {
  name: "AArch64",
  elfMachine: EM_AARCH64,
  // AADWARF64, "DWARF register names"
  sp: 31,
  fp: 29,
  wordsNameRegisters: false,
  scaledCfa: false,
};

/** sfh_abi_arch -> its facts. "SFrame ABI/arch Identifier" and "ABI/arch-specific Definition" of the specification */
export const abiById: ReadonlyMap<number, SFrameAbi> = new Map([
  [SFRAME_ABI_AARCH64_ENDIAN_BIG, { ...aarch64, bigEndian: true }],
  [SFRAME_ABI_AARCH64_ENDIAN_LITTLE, { ...aarch64, bigEndian: false }],
  [
    SFRAME_ABI_AMD64_ENDIAN_LITTLE,
    {
      name: "AMD64",
      elfMachine: EM_X86_64,
      bigEndian: false,
      // x86-64 psABI 1.0, figure 3.36
      sp: 7,
      fp: 6,
      wordsNameRegisters: false,
      scaledCfa: false,
    },
  ],
  [
    SFRAME_ABI_S390X_ENDIAN_BIG,
    {
      name: "s390x",
      elfMachine: EM_S390,
      bigEndian: true,
      // s390x ELF ABI supplement 1.6.1, table 1.14
      sp: 15,
      fp: 11,
      wordsNameRegisters: true,
      scaledCfa: true,
    },
  ],
]);
