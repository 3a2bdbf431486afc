	.include "macros.inc"
# The wrong frame arrives first, and goes on to a way out: still one defect each.
FUNC returns
	testl	%edi, %edi
	je	1f
	pushq	%rbx
	jmp	2f
1:	incl	%esi
2:	incl	%esi
	ret
END returns

FUNC leaves
	testl	%edi, %edi
	je	1f
	pushq	%rbx
	jmp	2f
1:	incl	%esi
2:	incl	%esi
	jmp	elsewhere
END leaves

FUNC comes_round
1:	pushq	%rdi
	decl	%esi
	jne	1b
	ret
END comes_round
