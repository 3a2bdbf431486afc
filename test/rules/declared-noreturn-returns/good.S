	.include "macros.inc"
FUNC gives_up
	ud2
END gives_up

# What a compiler writes of `void __attribute__((noreturn)) gives_up(int)`: DWARF 5, 7.5.
	.section .debug_abbrev, "", @progbits
abbrevs:
	.byte	1, 0x11, 1, 0, 0		# unit, with children
	.byte	2, 0x2e, 0			# subprogram
	.byte	0x03, 0x08			# name: string
	.byte	0x3f, 0x19			# external
	.byte	0x87, 0x01, 0x19		# noreturn
	.byte	0, 0, 0
	.section .debug_info, "", @progbits
	.long	2f - 1f
1:	.value	5
	.byte	1, 8
	.long	abbrevs
	.byte	1
	.byte	2
	.string	"gives_up"
	.byte	0
2:
