	.include "macros.inc"
# The fixtures' list says that this never returns.
FUNC never_back
	pushq	%rbx
	testl	%edi, %edi
	je	1f
2:	call	elsewhere
	jmp	2b
1:	popq	%rbx
	ret
END never_back
