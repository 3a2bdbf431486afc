	.include "macros.inc"
FUNC put_word
	testl	%esi, %esi
	je	1f
	stac
	movl	%esi, (%rdi)
	clac
1:	ret
END put_word
