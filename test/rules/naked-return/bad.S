	.include "macros.inc"
FUNC returns
	xorl	%eax, %eax
	ret
END returns
