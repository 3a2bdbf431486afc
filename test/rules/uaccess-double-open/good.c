#define open_access() __asm__ volatile("stac" : : : "memory", "cc")
#define close_access() __asm__ volatile("clac" : : : "memory", "cc")

static inline void put(volatile int *to, int value)
{
	open_access();
	*to = value;
	close_access();
}

void put_two(volatile int *to, int first, int second)
{
	put(to, first);
	put(to + 1, second);
}
