	.include "macros.inc"
FUNC bare
	ret
END bare

FUNC takes_bare
	endbr64
	movq	$bare, (%rdi)
	ret
END takes_bare

# Begins where a function with a landing pad ends: the linker may have wanted its end, nobody here does.
	.type	follower, @function
follower:
	ret
	.size	follower, . - follower

FUNC takes_follower
	endbr64
	leaq	follower(%rip), %rax	# the assembler knows the distance: no relocation
	ret
END takes_follower

FUNC takes_middle
	endbr64
	movq	$in_the_middle, (%rdi)
	ret
END takes_middle

FUNC has_middle
	endbr64
	nop
	.globl	in_the_middle
in_the_middle:
	ret
END has_middle

FUNC takes_far
	endbr64
	movq	$far_bare, (%rdi)
	ret
END takes_far

FUNC taken_elsewhere
	ret
END taken_elsewhere
