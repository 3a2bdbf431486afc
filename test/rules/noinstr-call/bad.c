#define noinstr __attribute__((noinline, section(".noinstr.text")))

__attribute__((noinline)) void account(int *counter)
{
	__asm__ volatile("incl %0" : "+m"(*counter));
}

noinstr int enter(int *counter)
{
	account(counter);
	return *counter;
}
