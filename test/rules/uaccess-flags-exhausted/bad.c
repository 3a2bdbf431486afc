#include "../macros.h"

#define open_access() __asm__ volatile("stac" : : : "memory", "cc")
#define close_access() __asm__ volatile("clac" : : : "memory", "cc")

void saves_often(volatile int *to)
{
	open_access();
	__asm__ volatile("\t.rept 17\n" ALTERNATIVE("nop", "pushfq", FEATURE_SMAP) "\t.endr" : : : "memory");
	*to = 1;
	__asm__ volatile("\t.rept 17\n" ALTERNATIVE("nop", "popfq", FEATURE_SMAP) "\t.endr" : : : "memory", "cc");
	close_access();
}
