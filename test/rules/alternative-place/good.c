#include "../macros.h"

void replaces(void)
{
	__asm__ volatile(ALTERNATIVE("nop", "stc", "1"));
}

void nests(void)
{
	__asm__ volatile(ALTERNATIVE("nop; nop; nop", "nopl (%rax)", "1")
			 ALTERNATIVE_ROW("9001b", "9003b", "2", "9005b - 9001b", "9004b - 9003b"));
}

unsigned int adds_weight(unsigned int sum, unsigned long word)
{
	unsigned long weight;

	__asm__ volatile(ALTERNATIVE("call __sw_hweight64", "popcntq %1, %0", FEATURE_POPCNT) : "=a"(weight) : "D"(word));
	return sum + weight;
}
