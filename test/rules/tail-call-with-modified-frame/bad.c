int elsewhere(int);

int pushes(int x)
{
	__asm__ volatile("subq $16, %rsp");
	return elsewhere(x);
}
