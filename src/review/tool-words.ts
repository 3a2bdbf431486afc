import { UsageError } from "../base/errors.ts";

// What the tree's own tool says (6.1 to 6.19), by the rule of ours that says the same. A text that is in neither list is an error: a new
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
  [/^stack layout conflict in alternatives/, "alternatives-disagree"],
  [/^unreachable instruction$/, "unreachable-instruction"],
  [/is missing a __noreturn annotation$/, "unreachable-instruction"],
  [/missing __noreturn in \.c\/\.h or NORETURN\(\) in noreturns\.h$/, "unreachable-instruction"],
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
  [/^relocation to !ENDBR: /, "landing-pad-code"],
  [/^UNWIND_HINT_IRET_REGS without ENDBR$/, "landing-pad-missing-at-iret-hint"],
  [/not an indirect call target$/, "module-entry-not-addressed"],
  [/^data relocation to !ENDBR: /, "landing-pad-data"],
  [/^notrack prefix found at /, "untracked-branch"],
  [/^indirect (jump|call) found in (MITIGATION_)?RETPOLINE build$/, "retpoline-indirect-branch"],
  [/^'naked' return found in (MITIGATION_)?RETHUNK build$/, "naked-return"],
  [/^missing int3 after ret$/, "straight-line-speculation"],
  [/^missing int3 after indirect jump$/, "straight-line-speculation"],
  [/^no-cfi indirect call!$/, "kcfi-unchecked-call"],
  [/^unknown (CFA|BP) base reg -?\d+$/, "orc-inexpressible"],
  [/^unsupported instruction in callable function$/, "unsupported-in-function"],
  [/is missing an ELF size annotation$/, "missing-symbol-size"],
  [/^call without frame pointer save\/setup$/, "call-without-frame-pointer"],
  [/^BP used as a scratch register$/, "frame-pointer-scratch"],
  [/leaves \.noinstr\.text section$/, "noinstr-call"],
  [/^return with instrumentation enabled$/, "noinstr-return-open"],
  [/^pv_ops\[\d+\]: /, "noinstr-call"],
  [/^RET before UNTRAIN$/, "untrain-before-return"],
  [/^early indirect call$/, "untrain-before-return"],
  [/^Failed UNRET validation$/, "untrain-before-return"],
  [/^unresolved jump target after linking\?!\?$/, "untrain-before-return"],
  [/^Unresolved function after linking!\?: /, "untrain-before-return"],
  [/^teh end!$/, "untrain-before-return"],
  [/^[Tt]ail call to __fentry__ !\?!\?$/, "entry-hook-tail-call"],
];

// These end the tool's run over the object.
const comparedFatal: readonly Row[] = [
  [/^Magic init_module\(\) function name is deprecated/, "module-entry-not-addressed"],
  [/^can't find jump dest instruction at /, "jump-into-instruction"],
  [/^can't find call dest at /, "jump-into-instruction"],
  [/^can't find call dest symbol at /, "jump-into-instruction"],
  [/^unannotated intra-function call$/, "intra-function-call"],
  [/^unsupported call to non-function$/, "missing-symbol-type"],
  [/^static_call: /, "static-call-without-key"],
  [/^unsupported instruction at jump label$/, "jump-label-place"],
  [/^special: can't find (orig|new) instruction$/, "dangling-annotation"],
  [/^can't find alternative jump destination$/, "jump-into-instruction"],
  [/^empty alternative entry$/, "alternative-place"],
  [/^weirdly overlapping alternative! /, "alternative-place"],
  [/^can't find last new alternative instruction$/, "dangling-annotation"],
  [/^can't find (un)?reachable insn at /, "dangling-annotation"],
  [/^can't find insn for unwind_hints\[\d+\]$/, "dangling-annotation"],
  [/^bad \.discard\./, "dangling-annotation"],
  [/^intra_function_call not a direct call$/, "misplaced-annotation"],
  [/^retpoline_safe hint not an indirect jump\/call\/ret\/nop$/, "misplaced-annotation"],
  [/^can't decode instruction at /, "undecodable-instruction"],
  [/^invalid LEA encoding at /, "undecodable-instruction"],
  [/can't find starting instruction$/, "missing-symbol-size"],
  [/STT_FUNC at end of section$/, "missing-symbol-size"],
];

// Writing of metadata, sanity of the tool itself, and structure of the tables.
const outside: readonly RegExp[] = [
  /already has .*skipping$/,
  /^Linked object detected, forcing --link$/,
  /^\d+ warning\(s\) upgraded to errors$/,
  /^ignoring unreachables due to jump table quirk$/,
  /^ENQCMD instruction at /,
  /^dodgy linker, sh_entsize != 8$/,
  /^symbol name too long, can't create __pfx_ symbol$/,
  /^section .* has absolute relocation at offset /,
  /^CFI missing$/,
  /^BUG: why am I validating an ignored function\?$/,
];

const outsideFatal: readonly RegExp[] = [
  /^unknown unwind hint type -?\d+$/,
  /^unsupported unwind_hint sp base reg -?\d+$/,
  /^missing \.rela\.discard\.unwind_hints section$/,
  /^struct unwind_hint size mismatch$/,
  /^Unknown annotation type: -?\d+$/,
  /^dodgy NOCFI annotation$/,
  /^unsupported relocation in alternatives section$/,
  /^can't find switch jump table$/,
  /can't find parent function$/,
  /cold subfunction without "\.cold"\?$/,
  /^can't find (orig|new|key) reloc$/,
  /^duplicate reloc$/,
  /^can't find reloc for unwind_hints\[\d+\]$/,
  /size not a multiple of \d+$/,
  /^no func for pv_ops\[\]$/,
  /^paravirt confusion$/,
  /^corrupt function pointer reference$/,
  /^unexpected relocation symbol type in /,
  /^couldn't find section for symbol /,
  /^section entry mismatch$/,
  /^invalid (NOP|RET) size: \d+$/,
  /^killed by SIG/,
];

/** Ids of the rules that say something which the tool says too. */
export const rulesWithTexts: ReadonlySet<string> = new Set([...compared, ...comparedFatal].map(([, rule]) => rule));
const linkedTexts = new Set(["noinstr-call", "noinstr-return-open", "untrain-before-return"]);

/** The tool has a check that says what this rule says. */
export function hasCheckFor(rule: string): boolean {
  return rulesWithTexts.has(rule);
}

/** That check looks over the borders of objects: on one object by itself its verdict means nothing. */
export function needsLinkedKernel(rule: string): boolean {
  return linkedTexts.has(rule);
}

/** undefined for a text that is in no list: a version of the tool that nobody here has read. */
export function kindOfText(text: string): TextKind | undefined {
  for (const [pattern, rule] of compared) if (pattern.test(text)) return { rule, fatal: false };
  for (const [pattern, rule] of comparedFatal) if (pattern.test(text)) return { rule, fatal: true };
  if (outside.some((pattern) => pattern.test(text))) return { rule: undefined, fatal: false };
  return outsideFatal.some((pattern) => pattern.test(text)) ? { rule: undefined, fatal: true } : undefined;
}

/** @throws UsageError for a text that is in no list */
export function classifyText(text: string): TextKind {
  const kind = kindOfText(text);
  if (kind === undefined) throw new UsageError(`the tree's tool says what no list knows: ${JSON.stringify(text)}`);
  return kind;
}
