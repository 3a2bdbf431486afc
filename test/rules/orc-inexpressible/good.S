	.include "macros.inc"
FUNC realigns
	leaq	8(%rsp), %r10
	andq	$-32, %rsp
	pushq	-8(%r10)
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%r10
	call	elsewhere
	popq	%r10
	popq	%rbp
	leaq	-8(%r10), %rsp
	ret
END realigns

entered:
	HINT	2, 5, 8		# by RSP
	movl	%edi, %eax
	jmp	elsewhere
