/* Compiled without frame pointers, as by a CFLAGS_REMOVE of its Makefile: %rbp is a register like any other. */
int counts(int x)
{
	__asm__ volatile("movl %0, %%ebp" : : "r"(x) : "rbp");
	return 2 * x;
}
