	.include "macros.inc"
FUNC calls
	call	helper
	ret
END calls

helper:
	xorl	%eax, %eax
	ret
