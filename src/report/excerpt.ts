import { EM_AARCH64, EM_X86_64 } from "../elf/constants.ts";

// The disassembly that people read. Not on the analysis path: capstone prints a dozen instructions a finding.

const CS_OPT_SYNTAX = 1;
const CS_OPT_SYNTAX_ATT = 2;

/** Prints one instruction: AT&T syntax on x86, as the kernel's own tools do. */
export interface Disassembler {
  /**
   * Text of the instruction at the start of `bytes`, which lies at section offset `offset`; `symbol` replaces an unresolved
   * displacement ("call printk"). "(bad)" for bytes that are no instruction.
   */
  print(bytes: Uint8Array, offset: number, symbol: string | undefined): string;
  close(): void;
}

let loaded: Promise<typeof import("capstone-wasm")> | undefined;

async function load(): Promise<typeof import("capstone-wasm")> {
  const capstone = await import("capstone-wasm");
  await capstone.loadCapstone();
  return capstone;
}

/** Opens a disassembler for an e_machine value; undefined for a machine that it does not know. */
export async function openDisassembler(machine: number): Promise<Disassembler | undefined> {
  loaded ??= load();
  const { Capstone, Const } = await loaded;
  if (machine !== EM_X86_64 && machine !== EM_AARCH64) return undefined;
  const isX86 = machine === EM_X86_64;
  const capstone = new Capstone(
    isX86 ? Const.CS_ARCH_X86 : Const.CS_ARCH_ARM64,
    isX86 ? Const.CS_MODE_64 : Const.CS_MODE_LITTLE_ENDIAN,
  );
  if (isX86) capstone.setOption(CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
  const first = (bytes: Uint8Array, offset: number) => {
    try {
      return capstone.disasm(bytes.subarray(0, 16), { address: offset, count: 1 })[0];
    } catch {
      // So the binding tells of bytes that are no instruction.
      return undefined;
    }
  };
  return {
    print(bytes, offset, symbol) {
      const insn = first(bytes, offset);
      if (insn === undefined) return "(bad)";
      const mnemonic = insn.mnemonic.replace(/^(call|jmp|ret)q$/, "$1").padEnd(7);
      const operands = symbol === undefined ? insn.opStr : nameOperand(insn.mnemonic, insn.opStr, symbol);
      return `${mnemonic} ${operands}`.trim();
    },
    close: () => capstone.close(),
  };
}

/** Puts the symbol where the object file only has a displacement to be filled in at the link. */
function nameOperand(mnemonic: string, operands: string, symbol: string): string {
  if (/^(call|j|b|bl)/.test(mnemonic) && /^\$?#?(0x)?[0-9a-f]+$/.test(operands)) return symbol;
  if (/^0x[0-9a-f]+$/.test(operands)) return symbol;
  return operands.replace(/\b0x[0-9a-f]+\(%rip\)|(?<!\w)\(%rip\)|(?<=:)(?=\(%rip\))/, `${symbol}(%rip)`);
}
