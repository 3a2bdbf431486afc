int reads(int *from)
{
	int value;

	__asm__ volatile("1: movl (%1), %0\n"
			 "2:\n"
			 "\t.pushsection __ex_table, \"a\"\n"
			 "\t.long 1b - ., 2b - ., 1\n"
			 "\t.popsection" : "=r"(value) : "r"(from));
	return value;
}
