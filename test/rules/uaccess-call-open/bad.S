	.include "macros.inc"
FUNC put_and_tell
	stac
	movl	%esi, (%rdi)
	call	elsewhere	# may sleep, may be traced
	clac
	ret
END put_and_tell

FUNC put_and_point
	stac
	movl	%esi, (%rdi)
	call	*%rdx
	clac
	ret
END put_and_point
