	.include "macros.inc"
FUNC no_instruction
	testl	%edi, %edi
	je	1f
	nop
1:	ret
END no_instruction

FUNC invalid_form
	lock addl %eax, (%rdi)
	ret
END invalid_form
