void jumps(void (*function)(void))
{
	__asm__ volatile("jmp *%0; int3" : : "r"(function));
	__builtin_unreachable();
}
