	.include "macros.inc"
FUNC returns
	xorl	%eax, %eax
	jmp	__x86_return_thunk
END returns

FUNC says_so
	ANNOTATE_RETPOLINE_SAFE		# ANNOTATE_UNRET_SAFE is the same
	ret
END says_so

	.section .init.text, "ax"
FUNC before_user_space
	ret
END before_user_space
