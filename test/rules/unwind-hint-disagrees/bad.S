	.include "macros.inc"
# The machine has pushed five words and an error code.
	.globl	enter_by_fault
enter_by_fault:
	HINT	4, 5, 8, 1	# partial registers, a word above the stack pointer
	pushq	%rax
	HINT	4, 5, 8, 1	# the push is forgotten
1:	hlt
	jmp	1b
	.size	enter_by_fault, . - enter_by_fault
