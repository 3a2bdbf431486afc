	.include "macros.inc"
FUNC asks
	movl	$1, %eax
	syscall
	HINT_FUNC
	ret
END asks

FUNC changes_segment
	pushq	$0x10
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq
1:	HINT_FUNC
	ret
END changes_segment

# Entry code: no function, so nobody has called it.
leaves:
	HINT_END_OF_STACK
	sysretq
	.size	leaves, . - leaves
