	.include "macros.inc"
# A realigned frame: the stack pointer counts from an origin of its own.
FUNC realigned
	pushq	%rbp
	movq	%rsp, %rbp
	andq	$-16, %rsp
	subq	$32, %rsp
1:	subq	$8, %rsp	# once more each time around
	decl	%edi
	jne	1b
	leave
	ret
END realigned
