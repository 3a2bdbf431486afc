	.include "macros.inc"
FUNC calls
	call	__SCT__operation
	ret
END calls
