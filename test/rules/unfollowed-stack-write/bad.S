	.include "macros.inc"
FUNC grows
	subq	%rdi, %rsp	# by how much?
	addq	%rdi, %rsp
	ret
END grows

FUNC aligns
	andq	$-32, %rsp	# nothing remembers the old value
	call	elsewhere
	ret
END aligns

FUNC overwrites
	pushq	%rbp
	movq	%rsp, %rbp
	andq	$-32, %rsp
	movq	%rdi, %rbp	# the only way back was %rbp
	call	elsewhere
	leave
	ret
END overwrites

FUNC switches
	movq	8(%rdi), %rsp	# nothing says how this stack is laid out
	ret
END switches
