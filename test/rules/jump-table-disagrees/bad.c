int elsewhere(int);

int runs(const unsigned char *code)
{
	static const void *const table[] __attribute__((section(".rodata..c_jump_table"))) = {
		&&stop, &&add, &&twice
	};
	int sum = 0;

	/* The array has three entries. */
	asm volatile(".pushsection .llvm_jump_table_sizes, \"\", @progbits\n\t"
		     ".quad %c0, 4\n\t"
		     ".popsection" : : "i" (table));
	goto *table[*code++];
add:
	sum += elsewhere(1);
	goto *table[*code++];
twice:
	sum *= 2;
	goto *table[*code++];
stop:
	return sum;
}
