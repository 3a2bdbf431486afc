#include "../macros.h"

/* The outermost function of a processor: nobody can find again what it pushes. */
void first_code(unsigned long boot_data)
{
	__asm__ volatile(HINT_END_OF_STACK "\tpushq %0\n\tcall never_back" : : "r"(boot_data) : CALL_CLOBBERS);
	__builtin_unreachable();
}

/* No hint says what state is restored. */
void returns_to_itself(void)
{
	__asm__ volatile("pushq %%rbx\n" HINT_RESTORE "\tpopq %%rbx" : : : "memory");
}
