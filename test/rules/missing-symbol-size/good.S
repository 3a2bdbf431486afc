	.include "macros.inc"
FUNC no_size
	ret
END no_size

	.globl	code_end
code_end:
