	.include "macros.inc"
FUNC branches
1:	nopl	8(%rax, %rax)
	movl	$1, %eax
	ret
2:	xorl	%eax, %eax
	ret
	JUMP_LABEL 1b, 2b
END branches
