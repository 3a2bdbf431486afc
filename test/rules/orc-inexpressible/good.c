void realigns(void)
{
	__asm__ volatile("leaq 8(%%rsp), %%r10\n\t"
			 "andq $-32, %%rsp\n\t"
			 "nop\n\t"
			 "leaq -8(%%r10), %%rsp" ::: "r10", "memory");
}
