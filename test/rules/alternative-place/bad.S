	.include "macros.inc"
FUNC replaces_nothing
	nop
	ret
	.pushsection .altinstr_replacement, "ax"
9010:	stc
	.popsection
	.pushsection .altinstructions, "a"
	.long	replaces_nothing + 1 - ., 9010b - .
	.word	1, 0
	.byte	0, 1
	.popsection
END replaces_nothing

FUNC overlaps
	ALTERNATIVE "nop; nop; nop", "nopl (%rax)"
	ret
	.pushsection .altinstr_replacement, "ax"
9010:	nop
	.popsection
	.pushsection .altinstructions, "a"
	.long	overlaps + 1 - ., 9010b - .
	.word	1, 0
	.byte	1, 1
	.popsection
END overlaps
