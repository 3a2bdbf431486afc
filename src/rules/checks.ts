// Which promises a kernel makes of its object code, and therefore which rules apply. Read from its configuration, never from names of
// functions. Sources: lib/Kconfig.debug, arch/x86/Kconfig, scripts/Makefile.lib (which options the tree's own tool is given when), 6.12.

export interface Checks {
  /** Where they come from, for coverage: ".config of the build", "no kernel configuration". */
  readonly source: string;
  /** What finds the caller's frame: the ORC tables, frame pointers (CONFIG_UNWINDER_FRAME_POINTER), or a guess. */
  readonly unwinder: "orc" | "frame-pointer" | "none";
  /** False under KCOV and GCOV, which make dead code that nobody can help. */
  readonly unreachable: boolean;
  /** Code in noinstr sections calls only such code (CONFIG_NOINSTR_VALIDATION). */
  readonly noinstr: boolean;
  /** Indirect branches arrive at landing pads only (CONFIG_X86_KERNEL_IBT). */
  readonly landingPads: boolean;
  /** No indirect branch but through a thunk (CONFIG_MITIGATION_RETPOLINE; up to 6.8 CONFIG_RETPOLINE). */
  readonly retpoline: boolean;
  /** No return but through a thunk (CONFIG_MITIGATION_RETHUNK; CONFIG_RETHUNK). */
  readonly returnThunk: boolean;
  /**
   * Kernel entries untrain the return predictor before the first return (CONFIG_MITIGATION_UNRET_ENTRY or _SRSO), and say where: the marks
   * are there under CONFIG_NOINSTR_VALIDATION alone (arch/x86/include/asm/nospec-branch.h).
   */
  readonly untrain: boolean;
  /** A trap stands behind every return and indirect jump (CONFIG_MITIGATION_SLS; CONFIG_SLS). */
  readonly straightLine: boolean;
  /** Indirect calls check a type in front of their target (CONFIG_CFI_CLANG; from 6.18 CONFIG_CFI). */
  readonly kcfi: boolean;
  /** ... and code that does not is annotated (6.18 and later: CONFIG_CFI with CONFIG_FINEIBT). */
  readonly kcfiEverywhere: boolean;
  /** Functions begin with a call of the tracer's hook that the build records (CONFIG_FTRACE_MCOUNT_USE_OBJTOOL). */
  readonly entryHook: boolean;
  /** Static calls are patched in place (CONFIG_HAVE_STATIC_CALL_INLINE). */
  readonly staticCalls: boolean;
  /** Objects of a unit are linked before the build's tool sees them (delay-objtool of scripts/Makefile.lib). */
  readonly linkedFirst: boolean;
  /** No-ops in front of each function, bytes (CONFIG_FUNCTION_PADDING_BYTES), 0 for none. */
  readonly padding: number;
  /** The objects are a module's: its init code stays callable like any other. */
  readonly module: boolean;
}

/** For objects that come without their configuration: what every kernel must keep, and nothing that a configuration decides. */
export const checksWithoutConfig: Checks = {
  source: "no kernel configuration given: rules that a configuration decides were not applied",
  unwinder: "orc",
  unreachable: true,
  noinstr: false,
  landingPads: false,
  retpoline: false,
  returnThunk: false,
  untrain: false,
  straightLine: false,
  kcfi: false,
  kcfiEverywhere: false,
  entryHook: false,
  staticCalls: false,
  linkedFirst: false,
  padding: 0,
  module: false,
};

/**
 * `values` are the assignments of a `.config`: symbol with its CONFIG_ prefix -> value. A symbol that a version does not have is off.
 */
export function readChecks(values: ReadonlyMap<string, string>, source: string): Checks {
  const isOn = (...symbols: string[]): boolean => symbols.some((symbol) => values.get(symbol) === "y");
  return {
    source,
    unwinder: isOn("CONFIG_UNWINDER_ORC") ? "orc" : isOn("CONFIG_UNWINDER_FRAME_POINTER") ? "frame-pointer" : "none",
    unreachable: !isOn("CONFIG_KCOV", "CONFIG_GCOV_KERNEL"),
    noinstr: isOn("CONFIG_NOINSTR_VALIDATION"),
    landingPads: isOn("CONFIG_X86_KERNEL_IBT"),
    retpoline: isOn("CONFIG_MITIGATION_RETPOLINE", "CONFIG_RETPOLINE"),
    returnThunk: isOn("CONFIG_MITIGATION_RETHUNK", "CONFIG_RETHUNK"),
    untrain:
      isOn("CONFIG_NOINSTR_VALIDATION") &&
      isOn("CONFIG_MITIGATION_UNRET_ENTRY", "CONFIG_MITIGATION_SRSO", "CONFIG_CPU_UNRET_ENTRY", "CONFIG_CPU_SRSO"),
    straightLine: isOn("CONFIG_MITIGATION_SLS", "CONFIG_SLS"),
    kcfi: isOn("CONFIG_CFI_CLANG", "CONFIG_CFI"),
    kcfiEverywhere: isOn("CONFIG_CFI") && isOn("CONFIG_FINEIBT") && isOn("CONFIG_MITIGATION_RETPOLINE"),
    entryHook: isOn("CONFIG_FTRACE_MCOUNT_USE_OBJTOOL"),
    staticCalls: isOn("CONFIG_HAVE_STATIC_CALL_INLINE"),
    linkedFirst: isOn("CONFIG_LTO_CLANG", "CONFIG_X86_KERNEL_IBT", "CONFIG_KLP_BUILD"),
    padding: Number(values.get("CONFIG_FUNCTION_PADDING_BYTES") ?? 0) || 0,
    module: false,
  };
}
