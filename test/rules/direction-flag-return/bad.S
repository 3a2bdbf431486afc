	.include "macros.inc"
FUNC moves_down
	movq	%rdx, %rcx
	std
	rep movsb
	ret
END moves_down
