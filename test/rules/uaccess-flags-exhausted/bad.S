	.include "macros.inc"
FUNC saves_often
	ALTERNATIVE "nopl (%rax)", "stac"
	.rept	17
	ALTERNATIVE "nop", "pushfq", 9*32+20
	.endr
	.rept	17
	ALTERNATIVE "nop", "popfq", 9*32+20
	.endr
	ALTERNATIVE "nopl (%rax)", "clac"
	ret
END saves_often
