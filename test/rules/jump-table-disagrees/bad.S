	.include "macros.inc"
# Four values pass the comparison; the compiler says that the table has three entries.
FUNC one_short
	cmpl	$3, %edi
	ja	4f
	jmp	*table_short(,%rdi,8)
1:	movl	$1, %eax
2:	ret
3:	movl	$3, %eax
4:	ret
END one_short
	.pushsection .rodata
	.balign	8
table_short:
	.quad	1b, 2b, 3b, 4b
	.popsection

FUNC one_long
	cmpl	$1, %edi
	ja	2f
	jmp	*table_long(,%rdi,8)
1:	movl	$1, %eax
2:	ret
END one_long
	.pushsection .rodata
table_long:
	.quad	1b, 2b
	.quad	0
	.popsection

FUNC no_jump
	testl	%edi, %edi
	je	2f
1:	movl	$1, %eax
2:	ret
END no_jump
	.pushsection .rodata
table_unused:
	.quad	1b, 2b
	.quad	0
	.popsection

FUNC not_said
	cmpl	$1, %edi
	ja	2f
	jmp	*table_unsaid(,%rdi,8)
1:	movl	$1, %eax
2:	ret
END not_said
	.pushsection .rodata
table_unsaid:
	.quad	1b, 2b
	.quad	0
	.popsection

FUNC other_table
	cmpl	$1, %edi
	ja	2f
jump:	jmp	*table_own(,%rdi,8)
1:	movl	$1, %eax
2:	ret
END other_table
	.pushsection .rodata
table_own:
	.quad	1b, 2b
	.quad	0
	.popsection

	.pushsection .llvm_jump_table_sizes, "", @progbits
	.quad	table_short, 3, table_long, 3, table_unused, 2, table_own, 2
	.popsection
	.pushsection .discard.tablejump_annotate, "", @progbits
	.quad	jump, table_short
	.popsection
