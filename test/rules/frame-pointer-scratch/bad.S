	.include "macros.inc"
FUNC counts
	pushq	%rbp
	movl	%edi, %ebp
	leal	(%rbp,%rbp), %eax
	popq	%rbp
	ret
END counts
