#define open_access() __asm__ volatile("stac" : : : "memory", "cc")
#define close_access() __asm__ volatile("clac" : : : "memory", "cc")
#define put_or_goto(value, to, label)                          \
	__asm__ goto("1: movl %0, %1\n"                        \
		     ".pushsection __ex_table, \"a\"\n"        \
		     ".long 1b - ., %l2 - ., 1\n"              \
		     ".popsection"                             \
		     : : "r"(value), "m"(*(to)) : : label)

int put_two(int *to, int first, int second)
{
	open_access();
	put_or_goto(first, to, fault);
	put_or_goto(second, to + 1, fault);
	close_access();
	return 0;
fault:
	return -14;
}
