#include "../macros.h"

unsigned long reads_flags(void)
{
	unsigned long flags;

	__asm__ volatile(ALTERNATIVE("pushfq; nop; popq %0", "nop; pushfq; popq %0", "1") : "=r"(flags));
	return flags;
}
