	.include "macros.inc"
FUNC returns
	xorl	%eax, %eax
	ret
END returns

FUNC jumps
	jmp	*%rdi
END jumps
