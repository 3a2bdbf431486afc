	.include "macros.inc"
FUNC put_and_tell
	stac
	movl	%esi, (%rdi)
	call	may_be_open
	clac
	call	elsewhere
	ret
END put_and_tell

FUNC put_and_point
	stac
	movl	%esi, (%rdi)
	clac
	call	*%rdx
	ret
END put_and_point
