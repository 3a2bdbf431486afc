#include "../macros.h"

static inline __attribute__((always_inline)) unsigned long save_access(void)
{
	unsigned long flags;

	__asm__ volatile(ALTERNATIVE("", "pushfq; popq %0; clac", FEATURE_SMAP) : "=r"(flags) : : "memory", "cc");
	return flags;
}

static inline __attribute__((always_inline)) void restore_access(unsigned long flags)
{
	__asm__ volatile(ALTERNATIVE("", "pushq %0; popfq", FEATURE_SMAP) : : "r"(flags) : "memory", "cc");
}

/* Told of every access, whether user access is open or not. */
int may_be_open(volatile int *reports, int size)
{
	unsigned long flags = save_access();

	if (size == 0) {
		restore_access(flags);
		return -22;
	}
	*reports += size;
	restore_access(flags);
	return 0;
}
