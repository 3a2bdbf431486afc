	.include "macros.inc"
FUNC bare
	ret
END bare

FUNC has_middle
	endbr64
	nop
in_the_middle:
	ret
END has_middle

FUNC taken_elsewhere
	ret
END taken_elsewhere

	.data
	.type	ops, @object
ops:
	.quad	bare
	.quad	in_the_middle
	.quad	far_bare
	.size	ops, . - ops
	.section .export_symbol
	.quad	bare
