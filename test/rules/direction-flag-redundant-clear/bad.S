	.include "macros.inc"
FUNC moves_up
	movq	%rdx, %rcx
	rep movsb
	cld			# nothing set it
	ret
END moves_up
