	.include "macros.inc"
FUNC unbalanced
	pushq	%rdi
	movl	%esi, %eax
	popq	%rdi
	ret
END unbalanced

FUNC not_restored
	pushq	%rbx
	movl	%edi, %ebx
	popq	%rbx
	ret
END not_restored
