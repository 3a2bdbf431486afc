	.include "macros.inc"
# One close is missing, before the calls and the return.
FUNC put_and_go_on
	stac
	movl	%esi, (%rdi)
	call	elsewhere
	call	elsewhat
	ret
END put_and_go_on
