#include "../macros.h"

unsigned long reads_flags(void)
{
	unsigned long flags;

	__asm__ volatile(ALTERNATIVE("pushfq; nop; popq %0", "pushfq; cmc; popq %0", "1") : "=r"(flags));
	return flags;
}
