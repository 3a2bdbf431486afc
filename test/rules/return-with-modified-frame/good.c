int pushes(int x)
{
	__asm__ volatile("pushq %rax; popq %rax");
	return x + 1;
}
