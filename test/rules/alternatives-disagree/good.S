	.include "macros.inc"
FUNC patched
	ALTERNATIVE "pushq %rdx; nop; popq %rdx", "pushq %rdx; cmc; popq %rdx"
	ret
END patched
