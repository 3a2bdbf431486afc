	.include "macros.inc"
FUNC may_be_open
	ALTERNATIVE "nopl (%rax); nop", "pushfq; clac"
	movl	$1, %eax
	popq	%rcx		# the saved flags are thrown away
	ret
END may_be_open
