	.include "macros.inc"
FUNC unbalanced
	pushq	%rdi
	movl	%esi, %eax
	ret			# %rdi is still on the stack
END unbalanced

FUNC not_restored
	pushq	%rbx
	movl	%edi, %ebx
	addq	$8, %rsp	# balanced, but %rbx is the callee's now
	ret
END not_restored
