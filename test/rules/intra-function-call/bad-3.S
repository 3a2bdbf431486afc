	.include "macros.inc"
# The callee's prologue is left out: its pops take what the caller has pushed.
FUNC calls_into_another
	call	other + 2
	ret
END calls_into_another

FUNC other
	xorl	%eax, %eax
	incl	%eax
	ret
END other

# Nobody checks its stack, but where it calls the assembler had to ask the linker: that was to go somewhere else.
	.section .text.excluded, "ax"
FUNC not_followed
	call	.text + 8
	ret
END not_followed
	STACK_FRAME_NON_STANDARD not_followed
