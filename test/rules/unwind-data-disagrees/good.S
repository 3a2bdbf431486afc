	.include "macros.inc"
	.cfi_sections .debug_frame
FUNC right_offset
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset rbx, -16
	movl	%edi, %ebx
	call	elsewhere
	popq	%rbx
	.cfi_restore rbx
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
END right_offset

FUNC row_in_time
	.cfi_startproc
	subq	$24, %rsp
	.cfi_def_cfa_offset 32
	movl	$1, %edi
	call	elsewhere
	addq	$24, %rsp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
END row_in_time
