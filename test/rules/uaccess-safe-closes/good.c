#include "../macros.h"

/* Told of every access, whether user access is open or not. */
int may_be_open(volatile int *reports, int size)
{
	unsigned long flags;

	__asm__ volatile(ALTERNATIVE("", "pushfq; popq %0; clac", FEATURE_SMAP) : "=r"(flags) : : "memory", "cc");
	*reports += size;
	__asm__ volatile(ALTERNATIVE("", "pushq %0; popfq", FEATURE_SMAP) : : "r"(flags) : "memory", "cc");
	return 0;
}
