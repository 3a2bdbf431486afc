	.include "macros.inc"
FUNC calls
	call	__x86_indirect_thunk_rdi
	ret
END calls

FUNC jumps
	movq	8(%rdi), %rax
	jmp	__x86_indirect_thunk_rax
END jumps

FUNC says_so
	ANNOTATE_RETPOLINE_SAFE
	call	*%rdi
	ret
END says_so

	.section .init.text, "ax"
FUNC before_user_space
	call	*%rdi
	ret
END before_user_space
