	.include "macros.inc"
FUNC framed
	pushq	%rbp
	movq	%rsp, %rbp
	subq	$16, %rsp
	testl	%edi, %edi
	je	1f
	pushq	%rdi
	call	elsewhere
	popq	%rdi
1:	movl	8(%rsp), %eax
	leave
	ret
END framed
