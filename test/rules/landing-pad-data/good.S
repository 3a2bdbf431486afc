	.include "macros.inc"
FUNC padded
	endbr64
1:	movl	(%rdi), %eax
2:	ret
END padded

FUNC exempt
	ANNOTATE_NOENDBR
	ret
END exempt

FUNC called
	ret
END called

FUNC taken_elsewhere
	endbr64
	ret
END taken_elsewhere

	.data
ops:
	.quad	padded
	.quad	exempt
	.quad	far_padded
	.quad	far_data
	.quad	not_known
	.quad	ops
# Looked up by address, never branched to.
	.section _kprobe_blacklist, "aw"
	.quad	called
	EXTABLE	1b, 2b
