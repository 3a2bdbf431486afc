void take(void *);

int framed(int x)
{
	char buffer[64] __attribute__((aligned(64)));

	take(buffer);
	if (x)
		__asm__ volatile("subq $8, %%rsp; addq $8, %%rsp" : : : "memory");
	take(buffer + 1);
	return buffer[0];
}
