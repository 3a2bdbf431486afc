	.include "macros.inc"
# The place that static_call_update() patches.
FUNC __SCT__patched
	jmp	bounded
END __SCT__patched
FUNC updates
	endbr64
	movq	$__SCT__patched, %rsi
	call	exempt
	ret
END updates
