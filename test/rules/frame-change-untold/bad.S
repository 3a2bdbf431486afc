	.include "macros.inc"
	.cfi_sections .debug_frame
FUNC calls
	.cfi_startproc
	pushq	%rdi
	call	elsewhere
	popq	%rdi
	ret
	.cfi_endproc
END calls
