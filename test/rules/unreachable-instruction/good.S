	.include "macros.inc"
FUNC dead_code
	testl	%edi, %edi
	je	1f
	ret
1:	incl	%edi
	ret
END dead_code

FUNC goes_on
	call	never_back
END goes_on

FUNC warns
	ud2
	ANNOTATE_REACHABLE
	incl	%edi
	ret
END warns

FUNC spins
1:	decl	%edi
	jne	1b
	ret
END spins

FUNC waits
	call	spins
	ret
END waits
