void realigns(void)
{
	__asm__ volatile("leaq 8(%%rsp), %%rcx\n\t"
			 "andq $-32, %%rsp\n\t"
			 "nop\n\t"
			 "leaq -8(%%rcx), %%rsp" ::: "rcx", "memory");
}
