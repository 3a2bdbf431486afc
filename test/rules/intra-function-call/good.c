#include "../macros.h"

/* Fills an entry of the return stack buffer, and drops the return address. */
void fills(void)
{
	__asm__ volatile(ANNOTATE_INTRA_FUNCTION_CALL
			 "call 1f\n\tint3\n1:\taddq $8, %%rsp" : : : "memory", "cc");
}
