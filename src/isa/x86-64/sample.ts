// Byte sequences in front of an opcode, SDM volume 2, chapter 2: each leads the decoder another way to it.
const before: readonly (readonly number[])[] = [
  [],
  [0x66],
  [0x67],
  [0xf2],
  [0xf3],
  [0xf0],
  [0x65],
  [0x3e],
  [0x41],
  [0x48],
  [0x66, 0x48],
  [0x0f],
  [0x66, 0x0f],
  [0xf2, 0x0f],
  [0xf3, 0x0f],
  [0xf3, 0x48, 0x0f],
  [0x0f, 0x38],
  [0x66, 0x0f, 0x3a],
  // VEX of two and three bytes, with each opcode map; the second of a prefix that is not allowed there
  [0xc5, 0xf8],
  [0x66, 0xc5, 0xf8],
  [0xc4, 0xe1, 0x79],
  [0xc4, 0xe2, 0xf9],
  [0xc4, 0xe7, 0x7b],
  [0xc4, 0xff, 0x7b],
  // EVEX
  [0x62, 0xf1, 0x7c, 0x48],
  [0x62, 0xf5, 0x7c, 0x48],
  [0x62, 0xff, 0x7c, 0x48],
  [0x62, 0xf1, 0x78, 0x48],
];

/** Bytes of ModRM and what may follow: registers, base, displacements of both sizes, index, rip-relative. */
const operands: readonly (readonly number[])[] = [
  [0xc0, 0, 0, 0, 0],
  [0xe5, 0, 0, 0, 0],
  [0xfa, 0, 0, 0, 0],
  [0x07, 0, 0, 0, 0],
  [0x45, 8, 0, 0, 0],
  [0x84, 0x24, 8, 0, 0, 0],
  [0x44, 0x24, 8, 0, 0],
  [0x04, 0xcd, 8, 0, 0, 0],
  [0x05, 8, 0, 0, 0],
];

/** What the sequences above may not come to: clac, stac, endbr64, a jump that asks for no landing pad, stack slots, a stack pointer that a register is added to. */
const single: readonly (readonly number[])[] = [
  [0x0f, 0x01, 0xca],
  [0x0f, 0x01, 0xcb],
  [0xf3, 0x0f, 0x1e, 0xfa],
  [0x3e, 0xff, 0xe0],
  [0x48, 0x89, 0x44, 0x24, 0x08],
  [0x48, 0x8b, 0x44, 0x24, 0x08],
  [0x48, 0x01, 0xc4],
];

/**
 * Code in which every way through the decoder occurs. A compiler that optimises for what it has seen (V8) has to throw away its work whenever
 * something new comes: that took longer, over a kernel, than decoding it.
 */
export function sampleCode(): Uint8Array {
  const bytes: number[] = [];
  let n = 0;
  for (const [p, prefix] of before.entries()) {
    for (let opcode = 0; opcode < 256; opcode++, n++) {
      const [modrm, ...rest] = operands[n % operands.length] as readonly number[];
      // Another of the eight operations of an opcode group each time.
      bytes.push(...prefix, opcode, (modrm as number) ^ (((opcode + p) & 7) << 3), ...rest, 0, 0, 0);
    }
  }
  // Whatever is cut off before ends in these.
  for (let i = 0; i < 15; i++) bytes.push(0x90);
  for (const insn of single) bytes.push(...insn);
  // An instruction of more than 15 bytes, and one that the end cuts off.
  for (let i = 0; i < 15; i++) bytes.push(0x66);
  bytes.push(0x90, 0xe8, 0, 0);
  return Uint8Array.from(bytes);
}
