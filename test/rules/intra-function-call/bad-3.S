	.include "macros.inc"
# The callee's prologue is left out: its pops take what the caller has pushed.
FUNC calls_into_another
	call	other + 2
	ret
END calls_into_another

FUNC other
	xorl	%eax, %eax
	incl	%eax
	ret
END other
