	.include "macros.inc"
FUNC leaves_early
	subq	$16, %rsp
	movq	%rdi, (%rsp)
	addq	$16, %rsp
	jmp	elsewhere
END leaves_early

FUNC leaves_by_branch
	testl	%edi, %edi
	je	elsewhere
	ret
END leaves_by_branch

FUNC leaves_by_pointer
	pushq	%rbx
	popq	%rbx
	jmp	*%rdi
END leaves_by_pointer
