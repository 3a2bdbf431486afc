	.include "macros.inc"
	.section .noinstr.text, "ax"
FUNC quiet
	INSTRUMENTATION_BEGIN
	testl	%edi, %edi
	je	1f
	call	far_traced
	INSTRUMENTATION_END
	ret
1:	ret
END quiet

FUNC quiet_tail
	INSTRUMENTATION_BEGIN
	jmp	far_traced
END quiet_tail
