#include "../macros.h"

void replaces_nothing(void)
{
	__asm__ volatile(ALTERNATIVE_ROW("9010f", "9011f", "1", "0", "9012f - 9011f")
			 "9010:\n"
			 "\t.pushsection .altinstr_replacement, \"ax\"\n"
			 "9011:\tstc\n"
			 "9012:\n"
			 "\t.popsection");
}

void overlaps(void)
{
	__asm__ volatile(ALTERNATIVE("nop; nop; nop", "nop; nop; nop", "1")
			 ALTERNATIVE_ROW("9001b + 1", "9003b", "2", "1", "1"));
}

/* The sum stands inside of what popcnt takes the place of. */
unsigned int adds_weight(unsigned int sum, unsigned long word)
{
	unsigned long weight;

	__asm__ volatile(ALTERNATIVE("call __sw_hweight64; addl %k0, %1", "popcntq %2, %0", FEATURE_POPCNT)
			 : "=&a"(weight), "+&r"(sum)
			 : "D"(word));
	return sum;
}
