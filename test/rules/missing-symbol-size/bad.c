/* A trampoline among the C, as that of kretprobes is. */
__asm__(".pushsection .text\n"
	"\t.globl no_size\n"
	"\t.type no_size, @function\n"
	"no_size:\n"
	"\txorl %eax, %eax\n"
	"\tret\n"
	"\t.popsection");

int no_size(void);

int calls(void)
{
	return no_size() + 1;
}
