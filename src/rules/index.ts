import { alternativePlace } from "./alternative-place.ts";
import { alternativesDisagree } from "./alternatives-disagree.ts";
import { callWithoutFramePointer } from "./call-without-frame-pointer.ts";
import { calleeSavedNotKept } from "./callee-saved-not-kept.ts";
import { danglingAnnotation } from "./dangling-annotation.ts";
import { declaredNoreturnReturns } from "./declared-noreturn-returns.ts";
import { directionFlagCall } from "./direction-flag-call.ts";
import { directionFlagDoubleSet } from "./direction-flag-double-set.ts";
import { directionFlagRedundantClear } from "./direction-flag-redundant-clear.ts";
import { directionFlagReturn } from "./direction-flag-return.ts";
import { entryHookTailCall } from "./entry-hook-tail-call.ts";
import { fallsThrough } from "./falls-through.ts";
import { frameChangeUntold } from "./frame-change-untold.ts";
import { framePointerScratch } from "./frame-pointer-scratch.ts";
import { intraFunctionCall } from "./intra-function-call.ts";
import { jumpIntoInstruction } from "./jump-into-instruction.ts";
import { jumpLabelPlace } from "./jump-label-place.ts";
import { jumpTableDisagrees } from "./jump-table-disagrees.ts";
import { kcfiUncheckedCall } from "./kcfi-unchecked-call.ts";
import { landingPadCode } from "./landing-pad-code.ts";
import { landingPadData } from "./landing-pad-data.ts";
import { landingPadMissingAtIretHint } from "./landing-pad-missing-at-iret-hint.ts";
import { listedNoreturnReturns } from "./listed-noreturn-returns.ts";
import { misplacedAnnotation } from "./misplaced-annotation.ts";
import { missingSymbolSize } from "./missing-symbol-size.ts";
import { missingSymbolType } from "./missing-symbol-type.ts";
import { moduleEntryNotAddressed } from "./module-entry-not-addressed.ts";
import { nakedReturn } from "./naked-return.ts";
import { noinstrCall } from "./noinstr-call.ts";
import { noinstrReturnOpen } from "./noinstr-return-open.ts";
import { orcInexpressible } from "./orc-inexpressible.ts";
import { retpolineIndirectBranch } from "./retpoline-indirect-branch.ts";
import { returnWithModifiedFrame } from "./return-with-modified-frame.ts";
import type { Rule } from "./rule.ts";
import { stackPointerDrift } from "./stack-pointer-drift.ts";
import { stackStateMismatch } from "./stack-state-mismatch.ts";
import { staticCallWithoutKey } from "./static-call-without-key.ts";
import { straightLineSpeculation } from "./straight-line-speculation.ts";
import { tailCallWithModifiedFrame } from "./tail-call-with-modified-frame.ts";
import { uaccessCallOpen } from "./uaccess-call-open.ts";
import { uaccessDoubleOpen } from "./uaccess-double-open.ts";
import { uaccessFlagsExhausted } from "./uaccess-flags-exhausted.ts";
import { uaccessRedundantClose } from "./uaccess-redundant-close.ts";
import { uaccessReturnClosed } from "./uaccess-return-closed.ts";
import { uaccessReturnOpen } from "./uaccess-return-open.ts";
import { uaccessSafeCloses } from "./uaccess-safe-closes.ts";
import { undecodableInstruction } from "./undecodable-instruction.ts";
import { undefinedStackState } from "./undefined-stack-state.ts";
import { unfollowedStackWrite } from "./unfollowed-stack-write.ts";
import { unreachableInstruction } from "./unreachable-instruction.ts";
import { unsupportedInFunction } from "./unsupported-in-function.ts";
import { untrackedBranch } from "./untracked-branch.ts";
import { untrainBeforeReturn } from "./untrain-before-return.ts";
import { unwindDataDisagrees } from "./unwind-data-disagrees.ts";
import { unwindDataMissing } from "./unwind-data-missing.ts";
import { unwindHintDisagrees } from "./unwind-hint-disagrees.ts";

/** Every rule, in the order in which reports list them. */
export const rules: readonly Rule[] = [
  stackStateMismatch,
  stackPointerDrift,
  returnWithModifiedFrame,
  tailCallWithModifiedFrame,
  fallsThrough,
  jumpIntoInstruction,
  unfollowedStackWrite,
  undefinedStackState,
  unsupportedInFunction,
  orcInexpressible,
  calleeSavedNotKept,
  callWithoutFramePointer,
  framePointerScratch,
  alternativesDisagree,
  intraFunctionCall,
  unreachableInstruction,
  listedNoreturnReturns,
  declaredNoreturnReturns,
  uaccessReturnOpen,
  uaccessReturnClosed,
  uaccessCallOpen,
  uaccessDoubleOpen,
  uaccessRedundantClose,
  uaccessSafeCloses,
  uaccessFlagsExhausted,
  directionFlagReturn,
  directionFlagCall,
  directionFlagDoubleSet,
  directionFlagRedundantClear,
  retpolineIndirectBranch,
  nakedReturn,
  straightLineSpeculation,
  untrainBeforeReturn,
  untrackedBranch,
  kcfiUncheckedCall,
  entryHookTailCall,
  staticCallWithoutKey,
  jumpLabelPlace,
  jumpTableDisagrees,
  alternativePlace,
  danglingAnnotation,
  misplacedAnnotation,
  missingSymbolSize,
  missingSymbolType,
  undecodableInstruction,
  landingPadCode,
  landingPadData,
  landingPadMissingAtIretHint,
  moduleEntryNotAddressed,
  noinstrCall,
  noinstrReturnOpen,
  unwindDataDisagrees,
  unwindDataMissing,
  frameChangeUntold,
  unwindHintDisagrees,
];
