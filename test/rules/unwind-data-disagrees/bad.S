	.include "macros.inc"
	.cfi_sections .debug_frame
FUNC wrong_offset
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
# It is at CFA-16.
	.cfi_offset rbx, -24
	movl	%edi, %ebx
	call	elsewhere
	popq	%rbx
	.cfi_restore rbx
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
END wrong_offset

FUNC row_too_late
	.cfi_startproc
	subq	$24, %rsp
	movl	$1, %edi
# The instruction before it had that frame already.
	.cfi_def_cfa_offset 32
	call	elsewhere
	addq	$24, %rsp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
END row_too_late
