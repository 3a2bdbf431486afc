	.include "macros.inc"
FUNC mismatch
	testl	%edi, %edi
	je	1f
	pushq	%rbx
	popq	%rbx
1:	incl	%esi
	ret
END mismatch
