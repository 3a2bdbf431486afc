int elsewhere(int);

int calls(int x)
{
	x = elsewhere(x);
	asm volatile("nop\n\t.cfi_adjust_cfa_offset 8\n\tnop\n\tnop\n\t.cfi_adjust_cfa_offset -8\n\tnop");
	return elsewhere(x + 1) + 1;
}
