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
