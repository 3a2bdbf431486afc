	.include "macros.inc"
FUNC moves_down
	movq	%rdx, %rcx
	std
	rep movsb
	cld
	call	elsewhere
	ret
END moves_down
