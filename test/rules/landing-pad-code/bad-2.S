	.include "macros.inc"
# Nobody patches the middle of a trampoline.
FUNC updates_its_middle
	endbr64
	movq	$__SCT__hook + 5, %rdi
	ret
END updates_its_middle

FUNC __SCT__hook
	jmp	far_padded
	ud1	%esp, %ecx
END __SCT__hook
