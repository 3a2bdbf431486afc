	.include "macros.inc"
FUNC into_middle
	testl	%edi, %edi
	je	1f + 1
1:	movl	$0x90909090, %eax
	ret
END into_middle

FUNC to_nowhere
	testl	%edi, %edi
	je	to_nowhere + 0x1000
	ret
END to_nowhere
