#include "../macros.h"

void first_code(unsigned long boot_data)
{
	__asm__ volatile(HINT_END_OF_STACK "\tcall never_back" : : "D"(boot_data));
	__builtin_unreachable();
}

void returns_to_itself(void)
{
	__asm__ volatile(HINT_SAVE "\tpushq %%rbx\n\tpopq %%rbx\n" HINT_RESTORE : : : "memory");
}
