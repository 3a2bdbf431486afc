	.include "macros.inc"
	.section .noinstr.text, "ax"
# Entry code whose untraining was lost; the linker decides what it comes to.
runs_off:
	HINT_END_OF_STACK
	VALIDATE_UNRET_BEGIN
	xorl	%eax, %eax
	nop
	.size	runs_off, . - runs_off
