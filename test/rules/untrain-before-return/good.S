	.include "macros.inc"
FUNC enters
	VALIDATE_UNRET_BEGIN
	call	untrains
	call	helper
	ret
END enters

FUNC untrains
	VALIDATE_UNRET_END
	ret
END untrains

FUNC helper
	xorl	%eax, %eax
	ret
END helper

FUNC enters_and_branches
	VALIDATE_UNRET_BEGIN
	VALIDATE_UNRET_END
	call	*%rax
	ret
END enters_and_branches
