void stops(void)
{
	__asm__ volatile("nop");
}
