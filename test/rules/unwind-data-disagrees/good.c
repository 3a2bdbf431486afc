int elsewhere(int);

int calls(int x)
{
	unsigned long flags;

	x = elsewhere(x);
	/* The unwind data is told of both. */
	asm volatile("pushf\n\t.cfi_adjust_cfa_offset 8\n\tpopq %0\n\t.cfi_adjust_cfa_offset -8" : "=r" (flags));
	/* It is not, as in every kernel: no call is made in between. */
	asm volatile("pushf\n\tpopq %0" : "=r" (flags));
	return elsewhere(x + 1) + 1;
}
