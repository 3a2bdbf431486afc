import { Capstone, Const, loadCapstone } from "capstone-wasm";

export interface Line {
  readonly mnemonic: string;
  readonly operands: string;
}

export interface Disassembler {
  /** Text of the word at `address`, or undefined where capstone finds no instruction. */
  word(bytes: Uint8Array, address: number): Line | undefined;
  close(): void;
}

/** capstone 5 for AArch64, word by word: it stops at undecodable bytes and crashes on inputs of some hundred KiB. */
export async function openCapstone(): Promise<Disassembler> {
  await loadCapstone();
  const capstone = new Capstone(Const.CS_ARCH_ARM64, Const.CS_MODE_LITTLE_ENDIAN);
  return {
    word(bytes, address) {
      let found: { mnemonic: string; opStr: string }[];
      try {
        found = capstone.disasm(bytes, { address, count: 1 });
      } catch {
        return undefined;
      }
      const [line] = found;
      return line === undefined ? undefined : { mnemonic: line.mnemonic, operands: line.opStr };
    },
    close: () => capstone.close(),
  };
}
