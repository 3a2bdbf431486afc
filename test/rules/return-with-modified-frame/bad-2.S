	.include "macros.inc"
# One push too many, seen at every way out.
FUNC several_ways
	pushq	%rbx
	testl	%edi, %edi
	je	1f
	testl	%esi, %esi
	je	2f
	ret
1:	incl	%eax
	ret
2:	jmp	elsewhere
END several_ways
