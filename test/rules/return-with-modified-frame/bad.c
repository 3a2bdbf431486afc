int pushes(int x)
{
	__asm__ volatile("pushq %rax");
	return x + 1;
}
