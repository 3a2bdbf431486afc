	.include "macros.inc"
FUNC calls
	call	__fentry__	# the tracer's hook may stand before the prologue
	call	elsewhere
	ret
END calls
