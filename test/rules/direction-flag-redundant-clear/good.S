	.include "macros.inc"
FUNC moves_up
	movq	%rdx, %rcx
	rep movsb
	ret
END moves_up
