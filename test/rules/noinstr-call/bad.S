	.include "macros.inc"
	.section .noinstr.text, "ax"
FUNC quiet
	call	traced
	ret
END quiet

FUNC quiet_pointer
	call	*%rdi
	ret
END quiet_pointer

FUNC quiet_slot
	call	*pv_ops+8(%rip)
	ret
END quiet_slot

FUNC quiet_tail
	jmp	far_traced
END quiet_tail

# One way around the begin.
FUNC quiet_sometimes
	testl	%edi, %edi
	je	1f
	INSTRUMENTATION_BEGIN
1:	call	far_traced
	testl	%edi, %edi
	je	2f
	INSTRUMENTATION_END
	ret
2:	INSTRUMENTATION_END
	ret
END quiet_sometimes

	.text
FUNC traced
	ret
END traced
