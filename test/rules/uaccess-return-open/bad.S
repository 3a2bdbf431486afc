	.include "macros.inc"
FUNC put_word
	stac
1:	movl	%esi, (%rdi)
	clac
	xorl	%eax, %eax
	ret
2:	movl	$-14, %eax	# the write faulted: access is still open
	ret
	EXTABLE	1b, 2b
END put_word
