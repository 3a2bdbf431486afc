	.include "macros.inc"
	.cfi_sections .debug_frame
FUNC calls
	.cfi_startproc
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	call	elsewhere
# The rows end here.
	.cfi_endproc
	call	elsewhere
	addq	$8, %rsp
	ret
END calls
