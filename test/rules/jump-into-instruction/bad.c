/* Alone on the machine it jumps over the lock prefix. */
void counts(int *counter, int alone)
{
	__asm__ volatile("testl %1, %1\n\tjne 1f + 1\n1:\tlock incl %0" : "+m"(*counter) : "r"(alone) : "cc");
}
