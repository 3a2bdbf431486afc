int elsewhere(int);

int calls(int x)
{
	x = elsewhere(x);
	asm volatile("nop\n\tcall elsewhere\n\tnop"
		     : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return x;
}
