#include "../macros.h"

/* A function pushes a register, and the hint behind it says that the return address is on top. */
void pushes_first(void)
{
	__asm__ volatile("pushq %%rbx\n" HINT(5, 5, 8, 0) "1:\tpause\n\tjmp 1b" : : : "memory");
	__builtin_unreachable();
}
