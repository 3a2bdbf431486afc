int calls(int x)
{
	/* The compiler does not know of the call, and makes no frame for it. */
	__asm__ volatile("call elsewhere" : : : "memory", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
	return 1;
}
