	.include "macros.inc"
FUNC counts
	pushq	%rbx
	movl	%edi, %ebx
	leal	(%rbx,%rbx), %eax
	popq	%rbx
	ret
END counts

FUNC one_way
	testl	%edi, %edi
	je	1f
	movq	%rbp, %rax	# kept in a register
	xorl	%ebp, %ebp
	movq	%rax, %rbp
	jmp	elsewhere
1:	ret
END one_way
