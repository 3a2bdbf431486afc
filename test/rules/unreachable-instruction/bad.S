	.include "macros.inc"
FUNC dead_code
	ret
	incl	%edi		# nothing jumps here
	ret
END dead_code

FUNC goes_on
	call	never_back	# listed as never returning, declared as returning
	incl	%edi
	ret
END goes_on

FUNC warns
	ud2			# a WARN() that lost its annotation
	incl	%edi
	ret
END warns

FUNC spins
1:	jmp	1b		# its return was lost
END spins

FUNC waits
	call	spins
	ret
END waits
