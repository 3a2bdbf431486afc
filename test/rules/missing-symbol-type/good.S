	.include "macros.inc"
FUNC calls
	call	helper
	ret
END calls

	.type	helper, @function
helper:
	xorl	%eax, %eax
	ret
END helper
