#include "../macros.h"

long calls(long (*page)(void))
{
	register long (*to)(void) __asm__("r11") = page;
	long result;

	__asm__ volatile("9010:\n"
			 "\t.pushsection .discard.annotate_insn, \"M\", @progbits, 8\n"
			 "\t.long 9010b - ., 9\n" /* ANNOTATE_NOCFI_SYM */
			 "\t.popsection\n"
			 "\tcall __x86_indirect_thunk_r11"
			 : "=&a"(result), "+r"(to)
			 :
			 : "memory", "cc", "rcx", "rdx", "rsi", "rdi");
	return result;
}
