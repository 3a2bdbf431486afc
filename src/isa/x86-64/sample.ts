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

/** What the decoder finds again by its form when it comes a second time (forms.ts), with each kind of numbers behind it. */
const again: readonly (readonly number[])[] = [
  [0x31, 0xc0], // xor %eax,%eax
  [0x48, 0x8d, 0x05, 1, 0, 0, 0], // lea 1(%rip),%rax
  [0x48, 0x8d, 0x84, 0x24, 0, 1, 0, 0], // lea 0x100(%rsp),%rax
  [0x74, 2], // je
  [0x0f, 0x84, 2, 0, 0, 0], // je, far enough for four bytes
  [0xe8, 2, 0, 0, 0], // call
  [0x55], // push %rbp
  [0x41, 0x5c], // pop %r12
  [0x48, 0x89, 0xe5], // mov %rsp,%rbp
  [0x48, 0x89, 0x5d, 0xf8], // mov %rbx,-8(%rbp)
  [0x48, 0x8b, 0x83, 0, 1, 0, 0], // mov 0x100(%rbx),%rax
  [0x48, 0x83, 0xec, 8], // sub $8,%rsp
  [0x48, 0x81, 0xc4, 0, 1, 0, 0], // add $0x100,%rsp
  [0x48, 0x83, 0xe4, 0xf0], // and $-16,%rsp
  [0x48, 0xff, 0xc0], // inc %rax
  [0xc9], // leave
  [0xff, 0x70, 8], // push 8(%rax)
  [0x48, 0x09, 0xc4], // or %rax,%rsp: nobody follows that
  [0x0f, 0xb6, 0x07], // movzbl (%rdi),%eax
  [0xc7, 0x40, 8, 1, 0, 0, 0], // movl $1,8(%rax)
  [0xc3], // ret
];

/**
 * Code in which every way through the decoder occurs. A compiler that optimises for what it has seen (V8) has to throw away its work whenever
 * something new comes: that took longer, over a kernel, than decoding it.
 */
export function sampleCode(): Uint8Array {
  // First of all, before anything is compiled: a loop that has never found a form again is compiled as if it never would.
  const bytes: number[] = [...again, ...again, ...again].flat();
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
