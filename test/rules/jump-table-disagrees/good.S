	.include "macros.inc"
FUNC chooses
	cmpl	$3, %edi
	ja	4f
jump:	jmp	*table(,%rdi,8)
1:	movl	$1, %eax
2:	ret
3:	movl	$3, %eax
4:	ret
END chooses
	.section .rodata
	.balign	8
table:	.quad	1b, 2b, 3b, 4b
	.quad	0

	.pushsection .llvm_jump_table_sizes, "", @progbits
	.quad	table, 4
	.popsection
	.pushsection .discard.tablejump_annotate, "", @progbits
	.quad	jump, table
	.popsection
