	.include "macros.inc"
FUNC may_be_open
	clac			# the caller's access is closed with it
	movl	$1, %eax
	stac
	ret
END may_be_open
