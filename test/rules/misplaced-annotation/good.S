	.include "macros.inc"
FUNC says_safe
	movl	$1, %eax
	ANNOTATE_RETPOLINE_SAFE
	ret
END says_safe

FUNC says_intra
	ANNOTATE_INTRA_FUNCTION_CALL
	call	1f
1:	addq	$8, %rsp
	ret
END says_intra
