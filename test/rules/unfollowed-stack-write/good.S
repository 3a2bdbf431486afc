	.include "macros.inc"
FUNC grows
	pushq	%rbp
	movq	%rsp, %rbp
	subq	%rdi, %rsp
	call	elsewhere
	leave
	ret
END grows

FUNC aligns
	pushq	%rbp
	movq	%rsp, %rbp
	andq	$-32, %rsp
	call	elsewhere
	leave
	ret
END aligns

FUNC switches
	movq	%rsp, 8(%rdi)
	movq	8(%rsi), %rsp	# stored at the same place before: a switch of tasks
	ret
END switches
