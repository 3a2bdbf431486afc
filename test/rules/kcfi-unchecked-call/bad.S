	.include "macros.inc"
FUNC calls
	call	__x86_indirect_thunk_r11
	ret
END calls
