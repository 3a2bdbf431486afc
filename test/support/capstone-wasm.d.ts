// The package's "exports" hides its own declarations from TypeScript; this names the part that is used here.
declare module "capstone-wasm" {
  interface Insn {
    address: number | bigint;
    size: number;
    mnemonic: string;
    opStr: string;
  }
  export class Capstone {
    constructor(arch: number, mode: number);
    readonly handle: number;
    setOption(option: number, value: number): number;
    disasm(data: Uint8Array | readonly number[], options?: { address?: number; count?: number }): Insn[];
    getRegName(id: number): string;
    close(): void;
  }
  export const Const: {
    readonly CS_ARCH_X86: number;
    readonly CS_ARCH_ARM64: number;
    readonly CS_MODE_64: number;
    readonly CS_MODE_LITTLE_ENDIAN: number;
    readonly CS_OPT_DETAIL: number;
    readonly CS_OPT_ON: number;
    readonly CS_OPT_SYNTAX: number;
    readonly CS_OPT_SYNTAX_ATT: number;
  };
  /** Loads the library once; the object given becomes the emscripten module. */
  export function loadCapstone(module?: Record<string, unknown>): Promise<void>;
}
