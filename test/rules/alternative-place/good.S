	.include "macros.inc"
FUNC replaces
	ALTERNATIVE "nop", "stc"
	ret
END replaces

FUNC nested
	ALTERNATIVE "nop; nop; nop", "nopl (%rax)"
	ret
	.pushsection .altinstr_replacement, "ax"
9010:	nop
	.popsection
	.pushsection .altinstructions, "a"
	.long	nested - ., 9010b - .
	.word	2, 0
	.byte	3, 1
	.popsection
END nested
