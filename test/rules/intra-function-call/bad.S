	.include "macros.inc"
FUNC fills
	call	1f
	int3
1:	addq	$8, %rsp	# drops the return address
	ret
END fills
