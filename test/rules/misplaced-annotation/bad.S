	.include "macros.inc"
FUNC says_safe
	ANNOTATE_RETPOLINE_SAFE
	movl	$1, %eax
	ret
END says_safe

FUNC says_intra
	ANNOTATE_INTRA_FUNCTION_CALL
	jmp	1f
1:	ret
END says_intra
