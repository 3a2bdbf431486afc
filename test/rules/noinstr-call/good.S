	.include "macros.inc"
	.section .noinstr.text, "ax"
FUNC quiet
	INSTRUMENTATION_BEGIN
	call	traced
	call	*%rdi
	INSTRUMENTATION_END
	call	far_quiet
	call	quiet_too
	call	not_known
	call	__SCT__static
	call	__ubsan_handle_out_of_bounds
	call	*pv_ops(%rip)
	call	*pv_ops+16(%rip)
	ret
END quiet

FUNC quiet_nested
	INSTRUMENTATION_BEGIN
	INSTRUMENTATION_BEGIN
	call	traced
	INSTRUMENTATION_END
	call	traced
	INSTRUMENTATION_END
	ret
END quiet_nested

FUNC quiet_loop
1:	INSTRUMENTATION_BEGIN
	call	traced
	INSTRUMENTATION_END
	testl	%eax, %eax
	jne	1b
	jmp	quiet_too
END quiet_loop

	.section .entry.text, "ax"
FUNC quiet_too
	ret
END quiet_too

	.text
FUNC traced
	call	far_traced
	call	*%rdi
	ret
END traced
