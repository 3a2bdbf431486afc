	.include "macros.inc"
FUNC framed
	pushq	%rbp
	movq	%rsp, %rbp
	subq	$16, %rsp
	testl	%edi, %edi
	je	1f
	pushq	%rdi		# never popped on this way
1:	movl	8(%rsp), %eax	# one of two different slots
	leave
	ret
END framed
