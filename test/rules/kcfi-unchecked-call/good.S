	.include "macros.inc"
FUNC calls
	movl	$-0x12345678, %r10d
	addl	-4(%r11), %r10d
	je	1f
	ud2
1:	call	__x86_indirect_thunk_r11
	ret
END calls

FUNC says_so
9010:
	.pushsection .discard.annotate_insn, "M", @progbits, 8
	.long	9010b - ., 9	# ANNOTATE_NOCFI_SYM
	.popsection
	call	__x86_indirect_thunk_r11
	ret
END says_so
