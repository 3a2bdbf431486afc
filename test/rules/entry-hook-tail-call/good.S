	.include "macros.inc"
FUNC traced
	call	__fentry__
	ret
END traced
