	.include "macros.inc"
FUNC calls
	call	*%rdi
	ret
END calls

FUNC jumps
	jmp	*8(%rdi)
END jumps
