	.include "macros.inc"
FUNC no_return
	incl	%edi
	ret
END no_return

FUNC next_one
	testl	%edi, %edi
	je	target
	ret
END next_one

FUNC call_is_last
	call	never_back
END call_is_last

FUNC target
	incl	%edi
	ret
END target

	.section .text.last, "ax"
FUNC at_the_end
	incl	%edi
	ud2
END at_the_end
