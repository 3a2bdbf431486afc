	.include "macros.inc"
# Assembly that is no function, and says what frame it has.
FUNC leaves
	jmp	leaving
END leaves

leaving:
	HINT_END_OF_STACK
	ud2
	.size	leaving, . - leaving

# A label inside of its section, of no size: a jump within a function that has two parts.
FUNC goes_on
	jmp	1f
END goes_on
1:	xorl	%eax, %eax
	ret

# A file of assembly: an exit that functions share.
FUNC shares
	jmp	exit
END shares

exit:	xorl	%eax, %eax
	ret
	.size	exit, . - exit
