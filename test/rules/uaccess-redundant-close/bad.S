	.include "macros.inc"
FUNC put_word
	testl	%esi, %esi
	je	1f
	stac
	movl	%esi, (%rdi)
	clac
	ret
1:	clac			# never opened on this way
	ret
END put_word
