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

FUNC counts
1:	call	__sw_hweight64
2:	addl	%eax, %edx
	ret
	.pushsection .altinstr_replacement, "ax"
3:	popcntq	%rdi, %rax
4:	.popsection
	.pushsection .altinstructions, "a"
	.long	1b - ., 3b - .
	.word	4 * 32 + 23, 0
	.byte	2b - 1b, 4b - 3b
	.popsection
END counts
