	.include "macros.inc"
FUNC may_be_open
	ALTERNATIVE "nopl (%rax); nop", "pushfq; clac"
	movl	$1, %eax
	ALTERNATIVE "nop", "popfq", 9*32+20
	ret
END may_be_open
