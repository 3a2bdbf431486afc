	.include "macros.inc"
	.globl	enter_by_interrupt
enter_by_interrupt:
	HINT	4, 5, 0, 1
	endbr64
	iretq
	.size	enter_by_interrupt, . - enter_by_interrupt

	.globl	never_entered
never_entered:
	HINT	4, 5, 0, 1
	ANNOTATE_NOENDBR
	iretq
	.size	never_entered, . - never_entered

inner:
	HINT	4, 5, 0, 1
	iretq
	.size	inner, . - inner
