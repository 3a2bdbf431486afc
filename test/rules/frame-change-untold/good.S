	.include "macros.inc"
	.cfi_sections .debug_frame
FUNC calls
	.cfi_startproc
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	call	elsewhere
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
END calls
