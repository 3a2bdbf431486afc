/**
 * The unsigned immediate that an instruction compares a register or memory with, undefined for every other instruction: what stands before
 * the branch that keeps an index inside of a jump table. Intel SDM volume 2, "CMP": 3c ib, 3d id, 80 /7 ib, 81 /7 id, 83 /7 ib.
 * @param start offset of the instruction in `bytes`; @param size its length in bytes
 */
export function comparedWith(bytes: Uint8Array, start: number, size: number): number | undefined {
  const end = start + size;
  let at = start;
  // Of the prefixes only these leave the immediate's size alone; with an operand-size prefix it has 16 bits in some forms.
  while (at < end && ((bytes[at] as number) & 0xf0) === 0x40) at++;
  const opcode = bytes[at];
  const isSecondOperand = opcode === 0x80 || opcode === 0x81 || opcode === 0x83;
  if (isSecondOperand ? (((bytes[at + 1] as number) >> 3) & 7) !== 7 : opcode !== 0x3c && opcode !== 0x3d)
    return undefined;
  if (opcode === 0x81 || opcode === 0x3d) {
    if (end - 4 <= at) return undefined;
    return new DataView(bytes.buffer, bytes.byteOffset + end - 4, 4).getUint32(0, true);
  }
  const immediate = bytes[end - 1] as number;
  // Sign-extended: as an unsigned bound a negative one is none.
  return end - 1 <= at || (opcode === 0x83 && immediate > 127) ? undefined : immediate;
}
