#include "../macros.h"

/* As a hypercall is made through the page that the hypervisor fills. */
long calls(long (*page)(void))
{
	register long (*to)(void) __asm__("r11") = page;
	long result;

	__asm__ volatile("call __x86_indirect_thunk_r11" : "=&a"(result), "+r"(to) : : "memory", "cc", "rcx", "rdx", "rsi", "rdi");
	return result;
}
