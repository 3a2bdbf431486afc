	.include "macros.inc"
	.cfi_sections .debug_frame
FUNC calls
	.cfi_startproc
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	call	elsewhere
	call	elsewhere
	addq	$8, %rsp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
END calls

# Nothing is said of it at all.
FUNC without_rows
	subq	$8, %rsp
	call	elsewhere
	addq	$8, %rsp
	ret
END without_rows
