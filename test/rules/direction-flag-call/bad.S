	.include "macros.inc"
FUNC moves_down
	movq	%rdx, %rcx
	std
	rep movsb
	call	elsewhere	# expects the flag clear
	cld
	ret
END moves_down
