	.include "macros.inc"
# What it jumps to has a size, so somebody meant a function.
FUNC ends_in_helper
	movl	%edi, %eax
	jmp	helper
END ends_in_helper

helper:
	xorl	%eax, %eax
	ret
	.size	helper, . - helper
	.file	"compiled.c"
