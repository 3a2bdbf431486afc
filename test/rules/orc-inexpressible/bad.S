	.include "macros.inc"
FUNC realigns
	leaq	8(%rsp), %rcx
	andq	$-32, %rsp	# from here on %rcx alone knows the frame
	pushq	-8(%rcx)
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rcx
	call	elsewhere
	popq	%rcx
	popq	%rbp
	leaq	-8(%rcx), %rsp
	ret
END realigns

entered:
	HINT	2, 0, 8		# a call's frame, found by no register
	movl	%edi, %eax
	jmp	elsewhere
