	.include "macros.inc"
FUNC calls
	call	__fentry__
	pushq	%rbp
	movq	%rsp, %rbp
	call	elsewhere
	popq	%rbp
	ret
END calls
