void stops(void)
{
	__asm__ volatile(".byte 0x06");
}
