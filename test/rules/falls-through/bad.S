	.include "macros.inc"
FUNC no_return
	incl	%edi
END no_return

FUNC next_one
	testl	%edi, %edi
	je	inside
	ret
END next_one

FUNC call_is_last
	call	elsewhere	# nothing says that it never returns
END call_is_last

FUNC target
	incl	%edi
inside:	incl	%edi
	ret
END target

	.section .text.last, "ax"
FUNC at_the_end
	incl	%edi
END at_the_end
