int counts(int x)
{
	__asm__ volatile("movl %0, %%ebx" : : "r"(x) : "ebx");
	return x + 1;
}
