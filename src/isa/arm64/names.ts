import type { NamingContracts } from "../arch.ts";

export const names: NamingContracts = {
  // arm64 has no indirect-branch or return thunks: its mitigations sit in the vectors, not in called code
  // (arch/arm64/kernel/proton-pack.c).
  isIndirectThunk: () => false,
  isReturnThunk: () => false,
  // STATIC_CALL_TRAMP_PREFIX, include/linux/static_call_types.h: common to all architectures that have trampolines.
  isStaticCallTrampoline: (symbol) => symbol.startsWith("__SCT__"),
  staticCallKey: (symbol) => (symbol.startsWith("__SCT__") ? `__SCK__${symbol.slice(7)}` : undefined),
  // STATIC_CALL_KEY_PREFIX, the same file.
  isStaticCallKey: (symbol) => symbol.startsWith("__SCK__"),
  // Paravirtual operations of arm64 are static calls (arch/arm64/include/asm/paravirt.h).
  isOperationTable: () => false,
  // __pfx_ and __cfi_ are made for x86 only: HAVE_PREFIX_SYMBOLS is not selected in arch/arm64/Kconfig, and clang puts the
  // kCFI type word before a function without a symbol. The no-ops of -fpatchable-function-entry=N,M have none either.
  isPrefixSymbol: () => false,
  // MCOUNT_ADDR, arch/arm64/include/asm/ftrace.h. With patchable entries there is no call in the object.
  isEntryHook: (symbol) => symbol === "_mcount",
};
