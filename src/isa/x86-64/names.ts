import type { NamingContracts } from "../arch.ts";

// The names by which the x86 kernel, its compilers and its tools agree on what a symbol is. Paths are of Linux 6.12.

/** Position-independent start-up code reaches every symbol through an alias (arch/x86/boot/startup, Linux 6.17 and later). */
const POSITION_INDEPENDENT_ALIAS = "__pi_";
// arch/x86/include/asm/nospec-branch.h; gcc and clang emit the first by -mindirect-branch=thunk-extern and -mretpoline-external-thunk,
// the other two take its place for call depth tracking
const indirectThunks = ["__x86_indirect_thunk_", "__x86_indirect_call_thunk_", "__x86_indirect_jump_thunk_"];
/** arch/x86/include/asm/linkage.h (RET); gcc and clang emit it by -mfunction-return=thunk-extern */
const RETURN_THUNK = "__x86_return_thunk";
/** include/linux/static_call_types.h, STATIC_CALL_TRAMP_PREFIX */
const STATIC_CALL_TRAMPOLINE = "__SCT__";
/** include/linux/static_call_types.h, STATIC_CALL_KEY_PREFIX */
const STATIC_CALL_KEY = "__SCK__";
/** arch/x86/include/asm/paravirt_types.h: `call *pv_ops+offset` is patched to a direct call */
const OPERATION_TABLE = "pv_ops";
/** arch/x86/include/asm/linkage.h and cfi.h: the kCFI or FineIBT preamble; clang emits it by -fsanitize=kcfi */
const CFI_PREAMBLE = "__cfi_";
/** Padding before a function (CONFIG_PREFIX_SYMBOLS, scripts/Makefile.lib), added by the build's object tool. */
const PADDING = "__pfx_";
/** arch/x86/include/asm/ftrace.h; gcc and clang emit the call by -mfentry */
const ENTRY_HOOK = "__fentry__";

/** startsWith() for a prefix that begins with two underscores, as many names of a kernel do: by the character behind them nearly all are told apart. */
function hasPrefix(symbol: string, prefix: string): boolean {
  return symbol.charCodeAt(2) === prefix.charCodeAt(2) && symbol.startsWith(prefix);
}

function withoutAlias(symbol: string): string {
  return hasPrefix(symbol, POSITION_INDEPENDENT_ALIAS) ? symbol.slice(POSITION_INDEPENDENT_ALIAS.length) : symbol;
}

export const names: NamingContracts = {
  isIndirectThunk(symbol) {
    const name = withoutAlias(symbol);
    return indirectThunks.some((prefix) => hasPrefix(name, prefix));
  },
  isReturnThunk: (symbol) => withoutAlias(symbol) === RETURN_THUNK,
  isStaticCallTrampoline: (symbol) => hasPrefix(symbol, STATIC_CALL_TRAMPOLINE),
  staticCallKey: (symbol) =>
    hasPrefix(symbol, STATIC_CALL_TRAMPOLINE)
      ? STATIC_CALL_KEY + symbol.slice(STATIC_CALL_TRAMPOLINE.length)
      : undefined,
  isStaticCallKey: (symbol) => hasPrefix(symbol, STATIC_CALL_KEY),
  isOperationTable: (symbol) => symbol === OPERATION_TABLE,
  isPrefixSymbol: (symbol) => hasPrefix(symbol, CFI_PREAMBLE) || hasPrefix(symbol, PADDING),
  isEntryHook: (symbol) => symbol === ENTRY_HOOK,
};
