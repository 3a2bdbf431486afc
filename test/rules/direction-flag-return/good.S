	.include "macros.inc"
FUNC moves_down
	movq	%rdx, %rcx
	std
	rep movsb
	cld
	ret
END moves_down
