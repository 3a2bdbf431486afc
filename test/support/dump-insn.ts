import type { Registers } from "../../src/isa/arch.ts";
import { type InsnTable, kindName, NO_REGISTER, type OpTable, opName } from "../../src/isa/insn-table.ts";

/** `kind | length | writes | ops` of one decoded instruction, as the golden files of the decoders have it. */
export function dumpInsn(insns: InsnTable, ops: OpTable, row: number, registers: Registers): string {
  const kind = kindName[insns.kind[row] as number] as string;
  const written = registers.name.filter((_, number) => ((insns.writes[row] as number) >>> number) & 1).join(" ");
  const parts: string[] = [];
  for (let i = insns.op[row] as number; i >= 0 && i < ops.length && ops.insn[i] === row; i++) {
    const [dst, src] = [ops.dst[i] as number, ops.src[i] as number].map((n) =>
      n === NO_REGISTER ? "-" : (registers.name[n] as string),
    );
    parts.push(`${opName[ops.op[i] as number]} ${dst} ${src} ${ops.imm[i]}`);
  }
  return `${kind} | ${insns.size[row]} | ${written || "-"} | ${parts.join(", ") || "-"}`;
}
