int counts(int x)
{
	__asm__ volatile("movl %0, %%ebx" : : "r"(x));
	return x + 1;
}
