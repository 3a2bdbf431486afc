	.include "macros.inc"
FUNC counts
	movl	%edi, %ebx	# the caller's %rbx is gone
	leal	(%rbx,%rbx), %eax
	ret
END counts

FUNC one_way
	testl	%edi, %edi
	je	1f
	xorl	%ebp, %ebp	# and on this way only %rbp
	jmp	elsewhere
1:	ret
END one_way
