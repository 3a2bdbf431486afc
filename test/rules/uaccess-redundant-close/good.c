#define open_access() __asm__ volatile("stac" : : : "memory", "cc")
#define close_access() __asm__ volatile("clac" : : : "memory", "cc")

int put_word(volatile int *to, int value)
{
	if (value == 0)
		goto out;
	open_access();
	*to = value;
	close_access();
	return 0;
out:
	return -22;
}
