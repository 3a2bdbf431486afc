import { UsageError } from "../../src/base/errors.ts";

// What the tree's own tool says (6.1 to 6.12), by the rule of ours that says the same. A text that is in neither list is an error: a new
// version of the tool has something to say that nobody has thought about.

export interface TextKind {
  /** Rule id; undefined: outside of what is compared. */
  readonly rule: string | undefined;
  /** The tool stops at it and says nothing about the rest of the object. */
  readonly fatal: boolean;
}

type Row = readonly [pattern: RegExp, rule: string];

const compared: readonly Row[] = [
  [/^stack state mismatch: /, "stack-state-mismatch"],
  [/^return with modified stack frame$/, "return-with-modified-frame"],
  [/^sibling call from callable instruction with modified stack frame$/, "tail-call-with-modified-frame"],
  [/^falls through to next function /, "falls-through"],
  [/^unexpected end of section/, "falls-through"],
  [/^undefined stack state$/, "undefined-stack-state"],
  [/^no corresponding CFI save for CFI restore$/, "undefined-stack-state"],
  [/^objtool isn't smart enough to handle this CFI save\/restore combo$/, "undefined-stack-state"],
  [/^unsupported stack register modification$/, "unfollowed-stack-write"],
  [/^unsupported stack pointer realignment$/, "unfollowed-stack-write"],
  [/^unknown stack-related instruction$/, "unfollowed-stack-write"],
  [/^unknown stack-related memory operation$/, "unfollowed-stack-write"],
  [/^stack layout conflict in alternatives: /, "alternatives-disagree"],
  [/^unreachable instruction$/, "unreachable-instruction"],
  [/\(\) is missing a __noreturn annotation$/, "unreachable-instruction"],
  [/^call to .* with UACCESS enabled$/, "uaccess-call-open"],
  [/^return with UACCESS enabled$/, "uaccess-return-open"],
  [/^return with UACCESS disabled from a UACCESS-safe function$/, "uaccess-return-closed"],
  [/^recursive UACCESS enable$/, "uaccess-double-open"],
  [/^redundant UACCESS disable$/, "uaccess-redundant-close"],
  [/^UACCESS-safe disables UACCESS$/, "uaccess-safe-closes"],
  [/^PUSHF stack exhausted$/, "uaccess-flags-exhausted"],
  [/^return with DF set$/, "direction-flag-return"],
  [/^call to .* with DF set$/, "direction-flag-call"],
  [/^recursive STD$/, "direction-flag-double-set"],
  [/^redundant CLD$/, "direction-flag-redundant-clear"],
];

// These end the tool's run over the object.
const comparedFatal: readonly Row[] = [
  [/^can't find jump dest instruction at /, "jump-into-instruction"],
  [/^can't find call dest at /, "jump-into-instruction"],
  [/^can't find call dest symbol at /, "jump-into-instruction"],
  [/^unannotated intra-function call$/, "intra-function-call"],
];

// Rules of the second slice, writing of metadata, and structure of the tables themselves.
const outside: readonly RegExp[] = [
  /^relocation to !ENDBR/,
  /^data relocation to !ENDBR/,
  /^UNWIND_HINT_IRET_REGS without ENDBR$/,
  /^not an indirect call target$/,
  /^indirect (jump|call) found in (MITIGATION_)?RETPOLINE build$/,
  /^'naked' return found in (MITIGATION_)?RETHUNK build$/,
  /^missing int3 after (ret|indirect jump)$/,
  /^unknown (CFA|BP) base reg -?\d+$/,
  /^unsupported instruction in callable function$/,
  /^is missing an ELF size annotation$/,
  /^call without frame pointer save\/setup$/,
  /^BP used as a scratch register$/,
  /leaves \.noinstr\.text section$/,
  /^return with instrumentation enabled$/,
  /^(RET before UNTRAIN|early indirect call|Failed UNRET validation)$/,
  /^tail call to __fentry__ !\?!\?$/,
  /^notrack prefix found at /,
  /already has .*skipping$/,
];

const outsideFatal: readonly RegExp[] = [
  /^unsupported call to non-function$/,
  /^unknown unwind hint type -?\d+$/,
  /^unsupported unwind_hint sp base reg -?\d+$/,
  /^unsupported instruction at jump label$/,
  /^intra_function_call not a direct call$/,
  /^retpoline_safe hint not an indirect jump\/call\/ret\/nop$/,
  /^special: can't find (orig|new) instruction$/,
  /^empty alternative entry$/,
  /^weirdly overlapping alternative! /,
  /^unsupported relocation in alternatives section$/,
  /^can't find alternative jump destination$/,
  /^can't find last new alternative instruction$/,
  /^can't find switch jump table$/,
  /^can't find starting instruction$/,
  /^STT_FUNC at end of section$/,
  /^can't find parent function$/,
  /^can't find (orig|new|key) reloc$/,
  /^can't find (un)?reachable insn at /,
  /^can't decode instruction at /,
  /^invalid LEA encoding at /,
  /^bad \.discard\./,
  /^static_call: /,
  /^killed by SIG/,
];

/** @throws UsageError for a text that is in no list */
export function classifyText(text: string): TextKind {
  for (const [pattern, rule] of compared) if (pattern.test(text)) return { rule, fatal: false };
  for (const [pattern, rule] of comparedFatal) if (pattern.test(text)) return { rule, fatal: true };
  if (outside.some((pattern) => pattern.test(text))) return { rule: undefined, fatal: false };
  if (outsideFatal.some((pattern) => pattern.test(text))) return { rule: undefined, fatal: true };
  throw new UsageError(`the tree's tool says what no list knows: ${JSON.stringify(text)}`);
}
