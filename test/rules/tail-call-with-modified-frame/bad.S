	.include "macros.inc"
FUNC leaves_early
	subq	$16, %rsp
	movq	%rdi, (%rsp)
	jmp	elsewhere	# its return pops a local variable
END leaves_early

FUNC leaves_by_branch
	pushq	%rbx
	testl	%edi, %edi
	je	elsewhere
	popq	%rbx
	ret
END leaves_by_branch

FUNC leaves_by_pointer
	pushq	%rbx
	jmp	*%rdi
END leaves_by_pointer
