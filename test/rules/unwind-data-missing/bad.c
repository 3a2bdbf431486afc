int elsewhere(int);

int calls(int x)
{
	x = elsewhere(x);
	/* Ends the function's rows; what the compiler writes behind it is another's. */
	asm volatile(".cfi_endproc\n\tnop\n\tcall elsewhere\n\tnop\n\t.cfi_startproc"
		     : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return x;
}
