	.include "macros.inc"
FUNC counts
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rbx
	movl	%edi, %ebx
	leal	(%rbx,%rbx), %eax
	popq	%rbx
	popq	%rbp
	ret
END counts
