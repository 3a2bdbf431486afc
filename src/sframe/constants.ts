// Values of the SFrame format. Source: "The SFrame Format" of binutils, version 1 (2.40), version 2 (2.41 to 2.45, with its erratum of 2.45) and
// version 3 (2.46), and the constants of its include/sframe.h.

/** sfp_magic: read as 0xe2de, the section has the other byte order */
export const SFRAME_MAGIC = 0xdee2;
export const SFRAME_VERSION_1 = 1;
export const SFRAME_VERSION_2 = 2;
export const SFRAME_VERSION_3 = 3;

// sfp_flags: "SFrame Flags"
/** Function descriptors are sorted by start. */
export const SFRAME_F_FDE_SORTED = 0x1;
/** Every function keeps a frame pointer; gone in version 3. */
export const SFRAME_F_FRAME_POINTER = 0x2;
/** A function's start is relative to the field that holds it, not to the section; erratum of version 2. */
export const SFRAME_F_FDE_FUNC_START_PCREL = 0x4;

/** Version -> the flags that it defines. */
export const flagsOfVersion: Readonly<Record<number, number>> = {
  [SFRAME_VERSION_1]: SFRAME_F_FDE_SORTED | SFRAME_F_FRAME_POINTER,
  [SFRAME_VERSION_2]: SFRAME_F_FDE_SORTED | SFRAME_F_FRAME_POINTER | SFRAME_F_FDE_FUNC_START_PCREL,
  [SFRAME_VERSION_3]: SFRAME_F_FDE_SORTED | SFRAME_F_FDE_FUNC_START_PCREL,
};

// sfh_abi_arch: "SFrame ABI/arch Identifier"
export const SFRAME_ABI_AARCH64_ENDIAN_BIG = 1;
export const SFRAME_ABI_AARCH64_ENDIAN_LITTLE = 2;
export const SFRAME_ABI_AMD64_ENDIAN_LITTLE = 3;
export const SFRAME_ABI_S390X_ENDIAN_BIG = 4;

// Sizes in bytes, packed.
export const HEADER_SIZE = 28;
/** Version -> size of an entry of the function index: sframe_func_desc_entry (1, 2), sframe_func_desc_idx (3) */
export const fdeSizeOfVersion: Readonly<Record<number, number>> = {
  [SFRAME_VERSION_1]: 17,
  [SFRAME_VERSION_2]: 20,
  [SFRAME_VERSION_3]: 16,
};
/** sframe_func_desc_attr, which version 3 has in front of a function's rows */
export const ATTRIBUTE_SIZE = 5;

// sfde_func_info, sfda_func_info
/** bits 0-3: bytes of a row's start are 1 << that; 3 and above are undefined */
export const SFRAME_FRE_TYPE_ADDR1 = 0;
export const SFRAME_FRE_TYPE_ADDR4 = 2;
/** bit 4: a row holds from function start + row start */
export const SFRAME_FDE_PCTYPE_INC = 0;
/** bit 4: it holds from row start on in every repetition of a block */
export const SFRAME_FDE_PCTYPE_MASK = 1;
/** bit 5, of AArch64: which key signs return addresses */
export const SFRAME_AARCH64_PAUTH_KEY_B = 1;

// sfda_func_info2, bits 0-4
export const SFRAME_FDE_TYPE_DEFAULT = 0;
export const SFRAME_FDE_TYPE_FLEX = 1;

// fre_info, bit 0
export const SFRAME_BASE_REG_FP = 0;
export const SFRAME_BASE_REG_SP = 1;

/** A data word in the place of the return address that says: it is not saved, though the frame pointer is. */
export const SFRAME_FRE_RA_OFFSET_INVALID = 0;

// s390x stores the CFA's offset less 160, in units of 8 bytes.
export const SFRAME_S390X_CFA_OFFSET_ADJUSTMENT = -160;
export const SFRAME_S390X_CFA_OFFSET_ALIGNMENT_FACTOR = 8;
