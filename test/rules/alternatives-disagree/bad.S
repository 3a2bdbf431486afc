	.include "macros.inc"
FUNC patched
	ALTERNATIVE "pushq %rdx; nop; popq %rdx", "nop; pushq %rdx; popq %rdx"
	ret
END patched
