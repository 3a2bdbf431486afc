	.include "macros.inc"
FUNC never_back
	pushq	%rbx
2:	call	elsewhere
	jmp	2b
END never_back

FUNC comes_back
	ret
END comes_back
