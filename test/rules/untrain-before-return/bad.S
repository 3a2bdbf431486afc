	.include "macros.inc"
FUNC enters
	VALIDATE_UNRET_BEGIN
	call	helper
	VALIDATE_UNRET_END
	ret
END enters

FUNC helper
	xorl	%eax, %eax
	ret			# user space has trained where this goes
END helper

FUNC enters_and_branches
	VALIDATE_UNRET_BEGIN
	call	*%rax
	VALIDATE_UNRET_END
	ret
END enters_and_branches
