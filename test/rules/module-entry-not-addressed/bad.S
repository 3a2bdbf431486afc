	.include "macros.inc"
FUNC init_module
	endbr64
	xorl	%eax, %eax
	ret
END init_module

FUNC cleanup_module
	endbr64
	ret
END cleanup_module
