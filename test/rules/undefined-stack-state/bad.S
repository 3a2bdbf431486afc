	.include "macros.inc"
FUNC first_code
	HINT_END_OF_STACK
	movl	%edi, %esi
	pushq	%rsi		# where would it be found again?
	call	never_back
END first_code

FUNC restores
	pushq	%rbx
	HINT_RESTORE		# no HINT_SAVE comes before it
	popq	%rbx
	ret
END restores
