	.include "macros.inc"
FUNC first_code
	HINT_END_OF_STACK
	movl	%edi, %esi
	call	never_back
END first_code

FUNC restores
	pushq	%rbx
	HINT_SAVE
	pushq	%rcx
	popq	%rcx
	HINT_RESTORE
	popq	%rbx
	ret
END restores
