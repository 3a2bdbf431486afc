	.include "macros.inc"
FUNC jumps
	notrack jmp *%rdi
END jumps
