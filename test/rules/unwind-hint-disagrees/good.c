#include "../macros.h"

/* A function pushes a register, and the hint behind it has the word. */
void pushes_first(void)
{
	__asm__ volatile("pushq %%rbx\n" HINT(2, 5, 16, 0) "1:\tpause\n\tjmp 1b" : : : "memory");
	__builtin_unreachable();
}
