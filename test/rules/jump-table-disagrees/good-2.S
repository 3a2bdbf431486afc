# clang 22.1 -O2 -mllvm -emit-jump-table-sizes-section of a switch of six, without its debug information; the section has a type that other
# assemblers know.
	.text
	.globl	g
	.p2align	4
	.type	g,@function
g:
	pushq	%rax
	cmpl	$5, %edi
	ja	.LBB0_1
	movl	%edi, %eax
	jmpq	*.LJTI0_0(,%rax,8)
.LBB0_6:
	movl	$3, %edi
	popq	%rax
	jmp	f
.LBB0_5:
	movl	$77, %edi
	callq	f
	leal	(%rax,%rax,2), %eax
	popq	%rcx
	retq
.LBB0_3:
	movl	$9, %edi
	callq	f
	incl	%eax
	popq	%rcx
	retq
.LBB0_4:
	movl	$1, %edi
	callq	f
	movl	$2, %edi
	callq	f
	movl	$3, %eax
	popq	%rcx
	retq
.LBB0_7:
	movl	$4, %edi
	callq	f
	orl	$1, %eax
	popq	%rcx
	retq
.LBB0_1:
	xorl	%eax, %eax
	popq	%rcx
	retq
.Lfunc_end0:
	.size	g, .Lfunc_end0-g
	.section	.rodata,"a",@progbits
	.p2align	3, 0x0
.LJTI0_0:
	.quad	.LBB0_6
	.quad	.LBB0_3
	.quad	.LBB0_4
	.quad	.LBB0_5
	.quad	.LBB0_6
	.quad	.LBB0_7
	.section	.llvm_jump_table_sizes,"",@progbits
	.quad	.LJTI0_0
	.quad	6
