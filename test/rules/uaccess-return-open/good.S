	.include "macros.inc"
FUNC put_word
	stac
1:	movl	%esi, (%rdi)
	clac
	xorl	%eax, %eax
	ret
2:	clac
	movl	$-14, %eax
	ret
	EXTABLE	1b, 2b
END put_word
