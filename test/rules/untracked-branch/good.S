	.include "macros.inc"
FUNC jumps
	jmp	*%rdi
END jumps
