// The A64 encoding space as rows of mask, value and effect. The first row that matches a word decides it.
// Source: Arm Architecture Reference Manual for A-profile, DDI 0487, chapter C4 ("A64 Instruction Set Encoding"); each block
// names its section by title, because the numbers below C4.1 change from issue to issue. Rows stand where control flow, an integer register or the stack pointer depends on the encoding; a group
// without such a difference is one row, so an unallocated word inside of it is not told from its neighbours. A word that no
// row matches is unallocated.

/** No instruction. */
export const E_UNKNOWN = 0;
/** Falls through and writes no integer register. */
export const E_NONE = 1;
/** Writes the register in bits 4:0; 31 is the zero register. */
export const E_RD = 2;
/** Writes the register in bits 4:0; 31 is sp, and no frame operation says what it gets. */
export const E_RD_SP = 3;
/** Writes the register in bits 20:16 (status of a store-exclusive, old value of a compare-and-swap). */
export const E_RS = 4;
/** Writes the registers in bits 20:16 and the one after it. */
export const E_RS_PAIR = 5;
/** Writes the registers in bits 4:0 and 14:10. */
export const E_RT_RT2 = 6;
/** Writes the registers in bits 4:0 and 20:16. */
export const E_RT_RS = 7;
/** Writes the register in bits 4:0 and the one after it. */
export const E_RT_NEXT = 8;
/** Writes eight registers from the one in bits 4:0 on. */
export const E_RT_EIGHT = 9;
export const E_ADDRESS = 10;
export const E_ADD_IMM = 11;
export const E_ADD_EXTENDED = 12;
/** Adds a multiple of the vector length: base in bits 20:16, result in bits 4:0, 31 is sp in both. */
export const E_ADD_VECTOR = 13;
export const E_AND_IMM = 14;
/** mov xd, xm */
export const E_MOVE = 15;
/** Signs or authenticates the pointer in the register in bits 4:0. */
export const E_SIGN = 16;
// From here to E_SELECT_SP: control flow and system, which decode.ts tells apart by this range.
export const E_JUMP = 17;
export const E_CALL = 18;
export const E_BRANCH_CONDITION = 19;
/** Conditional branch, 19-bit displacement in bits 23:5. */
export const E_BRANCH_19 = 20;
/** Conditional branch, 14-bit displacement in bits 18:5. */
export const E_BRANCH_14 = 21;
/** Conditional branch, 9-bit displacement in bits 13:5. */
export const E_BRANCH_9 = 22;
export const E_INDIRECT_JUMP = 23;
export const E_INDIRECT_CALL = 24;
export const E_RETURN = 25;
export const E_CONTEXT_RETURN = 26;
export const E_CONTEXT_CALL = 27;
export const E_TRAP = 28;
export const E_BRK = 29;
export const E_HINT = 30;
export const E_ACCESS_OPEN = 31;
export const E_ACCESS_CLOSE = 32;
/** Selects another stack pointer. */
export const E_SELECT_SP = 33;
export const E_LOAD_LITERAL = 34;
/** Load or store pair; addressing in bits 24:23. */
export const E_PAIR = 35;
/** Load or store with a 9-bit offset; addressing in bits 11:10. */
export const E_OFFSET_9 = 36;
/** Load or store with a scaled 12-bit offset. */
export const E_OFFSET_12 = 37;
/** Load or store with a register offset, load or store unprivileged, load-acquire: `opc` in bits 23:22 tells what is written. */
export const E_BY_OPC = 38;
export const E_LOAD_SIGNED_POINTER = 39;
/** Memory tag stores with writeback. */
export const E_TAG_WRITEBACK = 40;
export const E_VECTOR_POST = 41;
export const E_VECTOR_ONE_POST = 42;
export const E_MEMORY_COPY = 43;
/** Load-acquire with post-index, store-release with pre-index by the size of the register. */
export const E_ORDERED_WRITEBACK = 44;
export const E_ORDERED_PAIR_WRITEBACK = 45;
/** FP and integer conversions: bits 18:16 tell the direction. */
export const E_FP_INTEGER = 46;
/** Signs or authenticates the link register. */
export const E_SIGN_LINK = 47;

type Row = readonly [mask: number, value: number, effect: number];

// "Reserved" (bits 28:25 = 0000), with UDF as the only allocated row, and SME where bit 31 is set.
const reserved: readonly Row[] = [
  [0xffff0000, 0x00000000, E_TRAP], // udf
  [0xffff8fe0, 0xc04c03e0, E_RD], // movt (zt0 to scalar)
  [0x9e000000, 0x80000000, E_NONE], // SME: works on za, zt0 and predicates
];

// "SVE encodings" (bits 28:25 = 0010). SVE loads and stores have no writeback.
const sve: readonly Row[] = [
  [0xff30fc00, 0x0420e000, E_RD], // cntb, cnth, cntw, cntd
  [0xff30f800, 0x0430e000, E_RD], // incb, decb ...
  [0xff20f000, 0x0420f000, E_RD], // sqincb, uqdecd ...
  [0xfffff000, 0x04bf5000, E_RD], // rdvl, rdsvl
  [0xffa0f000, 0x04205000, E_ADD_VECTOR], // addvl, addpl, addsvl, addspl
  [0xff38c000, 0x25208000, E_RD], // cntp, firstp, lastp
  [0xff38f800, 0x25288800, E_RD], // incp, decp, sqincp ... (scalar)
  [0xff3ee000, 0x0520a000, E_RD], // lasta, lastb (scalar)
  [0xff3ee000, 0x0530a000, E_RD], // clasta, clastb (scalar)
  [0x1e000000, 0x04000000, E_NONE],
];

// "Data Processing -- Immediate" (bits 28:26 = 100)
const immediate: readonly Row[] = [
  [0x1f000000, 0x10000000, E_ADDRESS], // adr, adrp
  [0x1f800000, 0x11000000, E_ADD_IMM],
  [0xbfc00000, 0x91800000, E_RD_SP], // addg, subg
  [0x7fc00000, 0x11c00000, E_RD], // smax, umin ... immediate
  [0x7f800000, 0x72000000, E_RD], // ands
  [0x7f800000, 0x12000000, E_AND_IMM],
  [0x1f800000, 0x12000000, E_RD_SP], // orr, eor
  [0x7f800000, 0x32800000, E_UNKNOWN], // move wide with opc 01
  [0x1f800000, 0x12800000, E_RD], // movn, movz, movk
  [0x7f800000, 0x73000000, E_UNKNOWN], // bitfield with opc 11
  [0x1f800000, 0x13000000, E_RD], // sbfm, bfm, ubfm
  [0x7fa00000, 0x13800000, E_RD], // extr
  [0xffc0001f, 0xf380001f, E_SIGN_LINK], // autiasppc, autibsppc
];

// "Branches, Exception Generating and System instructions" (bits 28:26 = 101)
const branches: readonly Row[] = [
  [0xff000000, 0x54000000, E_BRANCH_CONDITION], // b.cond, bc.cond
  [0xffc0001f, 0x5500001f, E_RETURN], // retaasppc, retabsppc
  [0xffe0001f, 0xd4000001, E_CONTEXT_CALL], // svc
  [0xffe0001f, 0xd4000002, E_CONTEXT_CALL], // hvc
  [0xffe0001f, 0xd4000003, E_CONTEXT_CALL], // smc
  [0xffe0001f, 0xd4200000, E_BRK],
  [0xffe0001f, 0xd4400000, E_TRAP], // hlt
  [0xffe0001f, 0xd4600000, E_NONE], // tcancel
  [0xffe0001c, 0xd4a00000, E_TRAP], // dcps1..3: undefined outside of debug state
  [0xffffffc0, 0xd5031000, E_NONE], // wfet, wfit
  [0xfffff01f, 0xd503201f, E_HINT],
  [0xfffff01f, 0xd503301f, E_NONE], // barriers
  [0xffffffff, 0xd500409f, E_ACCESS_OPEN], // msr pan, #0
  [0xffffffff, 0xd500419f, E_ACCESS_CLOSE], // msr pan, #1
  [0xfffff0ff, 0xd50040bf, E_SELECT_SP], // msr spsel, #imm
  [0xfff8f01f, 0xd500401f, E_NONE], // msr pstate field, #imm; cfinv, xaflag, axflag
  [0xfffffee0, 0xd5233060, E_RD], // tstart, ttest
  [0xfff80000, 0xd5080000, E_NONE], // sys
  [0xfff80000, 0xd5280000, E_RD], // sysl
  [0xffffffe0, 0xd5184200, E_SELECT_SP], // msr spsel, xt
  [0xfff00000, 0xd5100000, E_NONE], // msr
  [0xfff00000, 0xd5300000, E_RD], // mrs
  [0xfff80000, 0xd5480000, E_NONE], // sysp
  [0xfff00000, 0xd5500000, E_NONE], // msrr
  [0xfff00000, 0xd5700000, E_RT_NEXT], // mrrs
  [0xfffffc1f, 0xd61f0000, E_INDIRECT_JUMP], // br
  [0xfffff81f, 0xd61f081f, E_INDIRECT_JUMP], // braaz, brabz
  [0xfffff800, 0xd71f0800, E_INDIRECT_JUMP], // braa, brab
  [0xfffffc1f, 0xd63f0000, E_INDIRECT_CALL], // blr
  [0xfffff81f, 0xd63f081f, E_INDIRECT_CALL], // blraaz, blrabz
  [0xfffff800, 0xd73f0800, E_INDIRECT_CALL], // blraa, blrab
  [0xfffffc1f, 0xd65f0000, E_RETURN], // ret
  [0xfffffbe0, 0xd65f0be0, E_RETURN], // retaa, retab, retaasppcr
  [0xffffffff, 0xd69f03e0, E_CONTEXT_RETURN], // eret
  [0xfffffbff, 0xd69f0bff, E_CONTEXT_RETURN], // eretaa, eretab
  [0xffffffff, 0xd6bf03e0, E_CONTEXT_RETURN], // drps
  [0xfc000000, 0x14000000, E_JUMP],
  [0xfc000000, 0x94000000, E_CALL],
  [0x7e000000, 0x34000000, E_BRANCH_19], // cbz, cbnz
  [0x7e000000, 0x36000000, E_BRANCH_14], // tbz, tbnz
  [0x7f000000, 0x74000000, E_BRANCH_9], // cb<cc> (register), cbb, cbh
  [0x7f004000, 0x75000000, E_BRANCH_9], // cb<cc> (immediate)
];

// "Loads and Stores" (bit 27 = 1, bit 25 = 0)
const memory: readonly Row[] = [
  // compare and swap pair; load/store exclusive pair; exclusive and ordered; compare and swap
  [0xbfa07c00, 0x08207c00, E_RS_PAIR], // casp
  [0xbfe00000, 0x88200000, E_RS], // stxp, stlxp
  [0xbfe00000, 0x88600000, E_RT_RT2], // ldxp, ldaxp
  [0x3fe00000, 0x08000000, E_RS], // stxr, stlxr
  [0x3fe00000, 0x08400000, E_RD], // ldxr, ldaxr
  [0x3fe00000, 0x08800000, E_NONE], // stlr, stllr
  [0x3fe00000, 0x08c00000, E_RD], // ldar, ldlar
  [0x3fa07c00, 0x08a07c00, E_RS], // cas
  // RCW compare and swap; 128-bit atomics
  [0xbf20fc00, 0x19200800, E_RS],
  [0xbf20fc00, 0x19200c00, E_RS_PAIR],
  [0xbf200c00, 0x19200000, E_RT_RS], // ldclrp, ldsetp, swpp
  // load/store ordered pair, RCpc with writeback, RCpc unscaled
  [0xbfe0fc00, 0x99000800, E_ORDERED_PAIR_WRITEBACK], // stilp, pre-index
  [0xbfe0fc00, 0x99400800, E_ORDERED_PAIR_WRITEBACK], // ldiapp, post-index
  [0xbfe0fc00, 0x99001800, E_NONE], // stilp
  [0xbfe0fc00, 0x99401800, E_RT_RS], // ldiapp
  [0xbffffc00, 0x99800800, E_ORDERED_WRITEBACK], // stlr, pre-index
  [0xbffffc00, 0x99c00800, E_ORDERED_WRITEBACK], // ldapr, post-index
  [0x3f200c00, 0x19000000, E_BY_OPC], // stlur, ldapur
  [0x3f200c00, 0x1d000800, E_NONE], // stlur, ldapur of SIMD and FP
  // memory copy and set
  [0x3b200c00, 0x19000400, E_MEMORY_COPY],
  // load register (literal)
  [0xff000000, 0xd8000000, E_NONE], // prfm (literal)
  [0x3f000000, 0x18000000, E_LOAD_LITERAL],
  [0x3f000000, 0x1c000000, E_NONE], // to SIMD and FP
  // memory tags, guarded control stack
  [0xff600c00, 0xd9600000, E_RD], // ldg; ldgm has bit 23
  [0xff200c00, 0xd9200000, E_NONE], // stzgm, stgm
  [0xff200c00, 0xd9200800, E_NONE], // stg, stzg, st2g, stz2g, signed offset
  [0xff200400, 0xd9200400, E_TAG_WRITEBACK],
  [0xffffec00, 0xd91f0c00, E_NONE], // gcsstr, gcssttr
  // pairs
  [0xfa000000, 0xe8000000, E_UNKNOWN], // opc 11
  [0x3a000000, 0x28000000, E_PAIR],
  // register, unsigned immediate and 9-bit immediate
  [0x3b000000, 0x39000000, E_OFFSET_12],
  [0x3f200c00, 0x38000800, E_BY_OPC], // ldtr, sttr
  [0x3b200c00, 0x38000000, E_OFFSET_9], // unscaled
  [0x3b200400, 0x38000400, E_OFFSET_9], // post-index, pre-index
  // atomics
  [0xfffffc00, 0xf83f9000, E_NONE], // st64b
  [0xffe0fc00, 0xf820b000, E_RS], // st64bv
  [0xffe0fc00, 0xf820a000, E_RS], // st64bv0
  [0xfffffc00, 0xf83fd000, E_RT_EIGHT], // ld64b
  [0x3f200c00, 0x38200000, E_RD], // ldadd ..., swp, ldapr
  [0x3f200c00, 0x3c200000, E_NONE], // FP atomics
  // register offset; pointer authentication
  [0x3b200c00, 0x38200800, E_BY_OPC],
  [0xff200400, 0xf8200400, E_LOAD_SIGNED_POINTER], // ldraa, ldrab
  // SIMD load/store multiple and single structures
  [0xbfbf0000, 0x0c000000, E_NONE],
  [0xbfa00000, 0x0c800000, E_VECTOR_POST],
  [0xbf800000, 0x0d000000, E_NONE],
  [0xbf800000, 0x0d800000, E_VECTOR_ONE_POST],
];

// "Data Processing -- Register" (bits 27:25 = 101)
const register: readonly Row[] = [
  [0xffe0fc00, 0x9ac01000, E_RD_SP], // irg
  [0x5fe00000, 0x1ac00000, E_RD], // two sources
  [0xffff0000, 0xdac10000, E_SIGN], // pacia ... xpacd
  [0x7fe00000, 0x5ac00000, E_RD], // one source
  [0xffe0ffe0, 0xaa0003e0, E_MOVE], // orr xd, xzr, xm
  [0x1f000000, 0x0a000000, E_RD], // logical, shifted register
  [0x1f200000, 0x0b000000, E_RD], // add/sub, shifted register
  [0x1fe00000, 0x0b200000, E_ADD_EXTENDED],
  [0xbfe0e000, 0x9a002000, E_ADD_EXTENDED], // addpt, subpt
  [0x1fe0fc00, 0x1a000000, E_RD], // adc, sbc
  [0xffe07c10, 0xba000400, E_NONE], // rmif
  [0xffffbc1f, 0x3a00080d, E_NONE], // setf8, setf16
  [0x3fe00410, 0x3a400000, E_NONE], // ccmp, ccmn
  [0x3fe00800, 0x1a800000, E_RD], // csel, csinc, csinv, csneg
  [0x7f000000, 0x1b000000, E_RD], // three sources
];

// "Data Processing -- Scalar Floating-Point and Advanced SIMD" (bits 27:25 = 111)
const vector: readonly Row[] = [
  [0x5f20fc00, 0x1e200000, E_FP_INTEGER],
  [0x5f3e0000, 0x1e180000, E_RD], // fcvtzs, fcvtzu to fixed point
  [0xbfe0fc00, 0x0e002c00, E_RD], // smov
  [0xbfe0fc00, 0x0e003c00, E_RD], // umov
  [0x9e000000, 0x0e000000, E_NONE], // Advanced SIMD, vector
  [0xde000000, 0x5e000000, E_NONE], // Advanced SIMD, scalar
  [0x5e000000, 0x1e000000, E_NONE], // floating point
  [0xfe000000, 0xce000000, E_NONE], // four-register and SHA-3/SHA-512
];

const rows: readonly Row[] = [...reserved, ...sve, ...immediate, ...branches, ...memory, ...register, ...vector];

/** Several rows share the key; `findEffect` compares them one by one. */
const MANY = 255;
const KEY_SHIFT = 21;
/** bits 31:21 -> effect, or MANY, also before the tables are filled */
const effectByKey = new Uint8Array(1 << (32 - KEY_SHIFT)).fill(MANY);
/** bits 31:21 -> the rows that can match, as mask, value, effect triples */
const rowsByKey: Uint32Array[] = [];

/** Not when this is loaded: half of a small object's time, of which most are of another architecture. */
function fillTables(): void {
  for (let key = 0; key < effectByKey.length; key++) {
    const triples: number[] = [];
    for (const [mask, value, effect] of rows) {
      const keyMask = mask >>> KEY_SHIFT;
      if ((key & keyMask) !== value >>> KEY_SHIFT) continue;
      if (triples.length === 0 && mask << (32 - KEY_SHIFT) === 0) effectByKey[key] = effect;
      triples.push(mask, value, effect);
    }
    if (triples.length === 0) effectByKey[key] = E_UNKNOWN;
    rowsByKey.push(Uint32Array.from(triples));
  }
}

/** What the instruction word does: one of E_*. */
export function findEffect(word: number): number {
  const key = word >>> KEY_SHIFT;
  const effect = effectByKey[key] as number;
  if (effect !== MANY) return effect;
  if (rowsByKey.length === 0) {
    fillTables();
    return findEffect(word);
  }
  const triples = rowsByKey[key] as Uint32Array;
  for (let i = 0; i < triples.length; i += 3) {
    if ((word & (triples[i] as number)) >>> 0 === triples[i + 1]) return triples[i + 2] as number;
  }
  return E_UNKNOWN;
}
