	.include "macros.inc"
FUNC mismatch
	testl	%edi, %edi
	je	1f
	pushq	%rbx		# on one of the two ways only
1:	incl	%esi
	ret
END mismatch
