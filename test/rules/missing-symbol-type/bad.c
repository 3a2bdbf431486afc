__asm__(".pushsection .text\n"
	"helper:\n"
	"\txorl %eax, %eax\n"
	"\tret\n"
	"\t.popsection");

/* A call that keeps to registers of its own, as those of paravirtual operations do. */
int calls(void)
{
	int result;

	__asm__ volatile("call helper" : "=a"(result) : : "cc");
	return result + 1;
}
