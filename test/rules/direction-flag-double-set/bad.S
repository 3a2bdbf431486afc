	.include "macros.inc"
FUNC moves_twice
	std
	rep movsb
	std
	rep movsb
	cld
	ret
END moves_twice
