	.include "macros.inc"
FUNC annotated
	movl	$0x90909090, %eax
	ANNOTATE_RETPOLINE_SAFE
	ret
END annotated

FUNC patched
	movl	(%rdi), %eax
	ret
	EXTABLE	patched, patched + 2
END patched
