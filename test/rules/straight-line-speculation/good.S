	.include "macros.inc"
FUNC returns
	xorl	%eax, %eax
	ret
	int3
END returns

FUNC jumps
	jmp	*%rdi
	int3
END jumps

FUNC says_so
	ANNOTATE_RETPOLINE_SAFE
	ret
END says_so
