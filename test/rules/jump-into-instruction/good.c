void counts(int *counter, int alone)
{
	if (alone)
		__asm__ volatile("incl %0" : "+m"(*counter) : : "cc");
	else
		__asm__ volatile("lock incl %0" : "+m"(*counter) : : "cc");
}
