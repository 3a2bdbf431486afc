#include "../macros.h"

/* Nothing remembers the old value. */
void aligns(void)
{
	__asm__ volatile("andq $-32, %%rsp\n\tcall elsewhere" : : : CALL_CLOBBERS);
}

/* By how much? */
void grows(unsigned long by)
{
	__asm__ volatile("subq %0, %%rsp\n\taddq %0, %%rsp" : : "r"(by) : "memory", "cc");
}

/* Nothing says how this stack is laid out. */
void switches(unsigned long *to)
{
	__asm__ volatile("movq %0, %%rsp" : : "m"(to[1]) : "memory");
}
