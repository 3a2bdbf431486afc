	.include "macros.inc"
FUNC calls
	call	__SCT__operation
	ret
END calls
	.section .discard.addressable, "aw"
	.quad	__SCK__operation
