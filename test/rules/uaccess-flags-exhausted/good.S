	.include "macros.inc"
FUNC saves_often
	ALTERNATIVE "nopl (%rax)", "stac"
	.rept	16
	ALTERNATIVE "nop", "pushfq", 9*32+20
	.endr
	.rept	16
	ALTERNATIVE "nop", "popfq", 9*32+20
	.endr
	ALTERNATIVE "nopl (%rax)", "clac"
	ret
END saves_often
