/* Told of every access, whether user access is open or not. */
int may_be_open(volatile int *reports, int size)
{
	__asm__ volatile("clac" : : : "memory", "cc"); /* the caller's access is closed with it */
	*reports += size;
	__asm__ volatile("stac" : : : "memory", "cc");
	return 0;
}
