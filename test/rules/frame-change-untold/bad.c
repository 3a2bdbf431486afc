int elsewhere(int);

int calls(int x)
{
	x = elsewhere(x);
	asm volatile("pushq $0\n\tcall elsewhere\n\tpopq %%rax"
		     : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return x + elsewhere(2);
}
