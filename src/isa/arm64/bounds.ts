/**
 * The unsigned immediate that an instruction compares a register with, undefined for every other instruction: what stands before the branch
 * that keeps an index inside of a jump table. Arm ARM, C6.2 "CMP (immediate)": SUBS into the zero register.
 * @param start offset of the instruction in `bytes`; @param size its length in bytes
 */
export function comparedWith(bytes: Uint8Array, start: number, size: number): number | undefined {
  if (size !== 4) return undefined;
  const word = new DataView(bytes.buffer, bytes.byteOffset + start, 4).getUint32(0, true);
  // sf 1110001 0 sh imm12 Rn 11111, without the shift by 12
  return (word & 0x7fc0_001f) >>> 0 === 0x7100_001f ? (word >>> 10) & 0xfff : undefined;
}
