	.include "macros.inc"
	.section .noinstr.text, "ax"
FUNC quiet
	INSTRUMENTATION_BEGIN
	testl	%edi, %edi
	je	1f
	call	far_traced
	INSTRUMENTATION_END
	ret
1:	INSTRUMENTATION_END
	ret
END quiet

# Does not come back: nothing is left to close.
FUNC quiet_end
	INSTRUMENTATION_BEGIN
	jmp	never_back
END quiet_end
