#include "../macros.h"

/* Entered by the interrupt table, and written in a C file as the trampoline of kretprobes is. */
__asm__(".pushsection .text\n"
	"\t.globl enter_by_interrupt\n"
	"enter_by_interrupt:\n"
	HINT_REGS_PARTIAL
	"\tiretq\n"
	"\t.size enter_by_interrupt, . - enter_by_interrupt\n"
	"\t.popsection");
