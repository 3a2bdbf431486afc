	.include "macros.inc"
FUNC padded
	endbr64
	ret
END padded

FUNC takes_padded
	endbr64
	movq	$padded, (%rdi)
	ret
END takes_padded

# A return stack points there, no indirect branch goes there.
FUNC exempt
	ANNOTATE_NOENDBR
	ret
END exempt

FUNC takes_exempt
	endbr64
	leaq	exempt(%rip), %rax
	call	exempt
	ret
END takes_exempt

FUNC says_where_it_is
	endbr64
1:	leaq	1b(%rip), %rax
	movq	$1b, (%rdi)
	ret
END says_where_it_is

# The end of a function is what addresses are compared with.
FUNC takes_bounds
	endbr64
	movq	$bounded, (%rdi)
	movq	$bounded_end, 8(%rdi)
	movq	$far_padded, 16(%rdi)
	movq	$far_end, 24(%rdi)
	movq	far_data(%rip), %rax
	movq	not_known(%rip), %rax
	ret
END takes_bounds

FUNC bounded
	endbr64
	ret
END bounded
	.globl	bounded_end
bounded_end:
	nop
