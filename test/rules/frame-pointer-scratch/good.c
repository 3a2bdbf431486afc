int counts(int x)
{
	__asm__ volatile("movl %0, %%ebx" : : "r"(x) : "rbx");
	return 2 * x;
}
