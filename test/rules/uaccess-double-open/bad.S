	.include "macros.inc"
FUNC put_two
	stac
	movl	%esi, (%rdi)
	stac			# it is open
	movl	%esi, 4(%rdi)
	clac
	ret
END put_two
