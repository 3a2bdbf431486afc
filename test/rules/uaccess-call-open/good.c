#define open_access() __asm__ volatile("stac" : : : "memory", "cc")
#define close_access() __asm__ volatile("clac" : : : "memory", "cc")
int elsewhere(int);

int put_result(volatile int *to, int value)
{
	value = elsewhere(value);
	open_access();
	*to = value;
	close_access();
	return 0;
}
