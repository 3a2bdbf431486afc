#include "../macros.h"

/* Another register keeps the old value. */
void aligns(void)
{
	__asm__ volatile("pushq %%rbp\n\tmovq %%rsp, %%rbp\n\tandq $-32, %%rsp\n\tcall elsewhere\n\tleave" : : : CALL_CLOBBERS);
}

void grows(unsigned long by)
{
	__asm__ volatile("pushq %%rbp\n\tmovq %%rsp, %%rbp\n\tsubq %0, %%rsp\n\tleave" : : "r"(by) : "memory", "cc");
}

/* A task left its own stack pointer at the same place. */
void switches(unsigned long *from, unsigned long *to)
{
	__asm__ volatile("movq %%rsp, %0\n\tmovq %1, %%rsp" : "=m"(from[1]) : "m"(to[1]) : "memory");
}
