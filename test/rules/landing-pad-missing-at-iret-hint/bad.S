	.include "macros.inc"
	.globl	enter_by_interrupt
enter_by_interrupt:
	HINT	4, 5, 0, 1	# partial registers, from the stack pointer
	iretq
	.size	enter_by_interrupt, . - enter_by_interrupt
