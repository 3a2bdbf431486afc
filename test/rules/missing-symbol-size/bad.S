	.include "macros.inc"
FUNC inside_of
	movl	$0x90909090, %eax
	ret
END inside_of
	.globl	inside
	.type	inside, @function
	.set	inside, inside_of + 1
	.size	inside, 1

FUNC no_size
	ret

	.globl	bare
bare:
	xorl	%eax, %eax
	ret

FUNC at_the_end
END at_the_end
