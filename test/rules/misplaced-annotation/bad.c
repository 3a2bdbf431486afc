void pauses(void)
{
	__asm__ volatile("1: mfence\n"
			 "\t.pushsection .discard.retpoline_safe\n"
			 "\t.long 1b\n"
			 "\t.popsection");
}
