	.include "macros.inc"
FUNC moves_twice
	std
	rep movsb
	rep movsb
	cld
	ret
END moves_twice
