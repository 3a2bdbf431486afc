	.include "macros.inc"
# A subroutine without a symbol: what it does to the frame is the same defect.
FUNC calls_inside
	call	1f
	ret
1:	incl	%edi
	ret
END calls_inside
