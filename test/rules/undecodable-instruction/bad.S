	.include "macros.inc"
FUNC no_instruction
	testl	%edi, %edi
	je	1f
	.byte	0x06
1:	ret
END no_instruction

FUNC invalid_form
	.byte	0xf0, 0x89, 0xd8	# lock mov %ebx, %eax
	ret
END invalid_form
