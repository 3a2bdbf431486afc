# clang 22.1 -O2 -mllvm -emit-jump-table-sizes-section of a switch of four over the two lowest bits, which no comparison guards; the section has
# a type that other assemblers know, and the last word was 4.
	.text
	.globl	g
	.p2align	4
	.type	g,@function
g:
	pushq	%rax
	andl	$3, %edi
	jmpq	*.LJTI0_0(,%rdi,8)
.LBB0_1:
	movl	$3, %edi
	popq	%rax
	jmp	f
.LBB0_3:
	movl	$1, %edi
	callq	f
	movl	$2, %edi
	callq	f
	movl	$3, %eax
	popq	%rcx
	retq
.LBB0_4:
	movl	$77, %edi
	callq	f
	leal	(%rax,%rax,2), %eax
	popq	%rcx
	retq
.LBB0_2:
	movl	$9, %edi
	callq	f
	incl	%eax
	popq	%rcx
	retq
.Lfunc_end0:
	.size	g, .Lfunc_end0-g
	.section	.rodata,"a",@progbits
	.p2align	3, 0x0
.LJTI0_0:
	.quad	.LBB0_1
	.quad	.LBB0_2
	.quad	.LBB0_3
	.quad	.LBB0_4
	.section	.llvm_jump_table_sizes,"",@progbits
	.quad	.LJTI0_0
	.quad	3
