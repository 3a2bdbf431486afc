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

FUNC takes_in
1:	call	__sw_hweight64
	addl	%eax, %edx
2:	ret
	.pushsection .altinstr_replacement, "ax"
3:	popcntq	%rdi, %rax
4:	.popsection
	.pushsection .altinstructions, "a"
	.long	1b - ., 3b - .
	.word	4 * 32 + 23, 0
	.byte	2b - 1b, 4b - 3b
	.popsection
END takes_in
