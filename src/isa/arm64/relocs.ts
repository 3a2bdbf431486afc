import type { Relocs } from "../arch.ts";

// How a relocation computes its value: from the symbol alone, relative to the place (or its page), relative and in a branch.
const ABSOLUTE = 0;
const PLACE = 1;
const BRANCH = 2;

type Row = readonly [type: number, name: string, size: number, how: number];

// AAELF64 (ARM IHI 0056), "Relocation codes" (tables by title): the static relocations that assemblers and compilers put in objects. `size` is the
// word that holds the patched field: 4 for every instruction.
const rows: readonly Row[] = [
  // Static miscellaneous relocations
  [0, "R_AARCH64_NONE", 0, ABSOLUTE],
  [256, "R_AARCH64_NONE", 0, ABSOLUTE],
  // Data relocations
  [257, "R_AARCH64_ABS64", 8, ABSOLUTE],
  [258, "R_AARCH64_ABS32", 4, ABSOLUTE],
  [259, "R_AARCH64_ABS16", 2, ABSOLUTE],
  [260, "R_AARCH64_PREL64", 8, PLACE],
  [261, "R_AARCH64_PREL32", 4, PLACE],
  [262, "R_AARCH64_PREL16", 2, PLACE],
  [314, "R_AARCH64_PLT32", 4, PLACE],
  [315, "R_AARCH64_GOTPCREL32", 4, PLACE],
  // Group relocations to create a 16-, 32-, 48- or 64-bit unsigned or signed value inline
  [263, "R_AARCH64_MOVW_UABS_G0", 4, ABSOLUTE],
  [264, "R_AARCH64_MOVW_UABS_G0_NC", 4, ABSOLUTE],
  [265, "R_AARCH64_MOVW_UABS_G1", 4, ABSOLUTE],
  [266, "R_AARCH64_MOVW_UABS_G1_NC", 4, ABSOLUTE],
  [267, "R_AARCH64_MOVW_UABS_G2", 4, ABSOLUTE],
  [268, "R_AARCH64_MOVW_UABS_G2_NC", 4, ABSOLUTE],
  [269, "R_AARCH64_MOVW_UABS_G3", 4, ABSOLUTE],
  [270, "R_AARCH64_MOVW_SABS_G0", 4, ABSOLUTE],
  [271, "R_AARCH64_MOVW_SABS_G1", 4, ABSOLUTE],
  [272, "R_AARCH64_MOVW_SABS_G2", 4, ABSOLUTE],
  // Relocations to generate 19, 21 and 33 bit PC-relative addresses
  [273, "R_AARCH64_LD_PREL_LO19", 4, PLACE],
  [274, "R_AARCH64_ADR_PREL_LO21", 4, PLACE],
  [275, "R_AARCH64_ADR_PREL_PG_HI21", 4, PLACE],
  [276, "R_AARCH64_ADR_PREL_PG_HI21_NC", 4, PLACE],
  [277, "R_AARCH64_ADD_ABS_LO12_NC", 4, ABSOLUTE],
  [278, "R_AARCH64_LDST8_ABS_LO12_NC", 4, ABSOLUTE],
  [284, "R_AARCH64_LDST16_ABS_LO12_NC", 4, ABSOLUTE],
  [285, "R_AARCH64_LDST32_ABS_LO12_NC", 4, ABSOLUTE],
  [286, "R_AARCH64_LDST64_ABS_LO12_NC", 4, ABSOLUTE],
  [299, "R_AARCH64_LDST128_ABS_LO12_NC", 4, ABSOLUTE],
  // Relocations for control-flow instructions
  [279, "R_AARCH64_TSTBR14", 4, BRANCH],
  [280, "R_AARCH64_CONDBR19", 4, BRANCH],
  [282, "R_AARCH64_JUMP26", 4, BRANCH],
  [283, "R_AARCH64_CALL26", 4, BRANCH],
  // Group relocations to create a PC-relative offset inline
  [287, "R_AARCH64_MOVW_PREL_G0", 4, PLACE],
  [288, "R_AARCH64_MOVW_PREL_G0_NC", 4, PLACE],
  [289, "R_AARCH64_MOVW_PREL_G1", 4, PLACE],
  [290, "R_AARCH64_MOVW_PREL_G1_NC", 4, PLACE],
  [291, "R_AARCH64_MOVW_PREL_G2", 4, PLACE],
  [292, "R_AARCH64_MOVW_PREL_G2_NC", 4, PLACE],
  [293, "R_AARCH64_MOVW_PREL_G3", 4, PLACE],
  // GOT-relative instruction relocations
  [309, "R_AARCH64_GOT_LD_PREL19", 4, PLACE],
  [311, "R_AARCH64_ADR_GOT_PAGE", 4, PLACE],
  [312, "R_AARCH64_LD64_GOT_LO12_NC", 4, ABSOLUTE],
];

const rowOf = new Map(rows.map((row) => [row[0], row]));

export const relocs: Relocs = {
  name: (type) => rowOf.get(type)?.[1] ?? `R_AARCH64_${type}`,
  size: (type) => rowOf.get(type)?.[2] ?? 0,
  isPcRelative: (type) => (rowOf.get(type)?.[3] ?? ABSOLUTE) !== ABSOLUTE,
  isBranch: (type) => rowOf.get(type)?.[3] === BRANCH,
  displacementFrom: "place",
};
