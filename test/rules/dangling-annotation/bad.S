	.include "macros.inc"
FUNC annotated
	movl	$0x90909090, %eax
	ret
	.pushsection .discard.retpoline_safe
	.long	annotated + 1
	.popsection
END annotated

FUNC patched
	movl	$0x90909090, %eax
	ret
	EXTABLE	patched + 1, patched + 5
END patched
