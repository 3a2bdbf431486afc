	.include "macros.inc"
FUNC traced
	jmp	__fentry__
END traced
