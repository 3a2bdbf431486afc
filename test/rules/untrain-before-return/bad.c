#include "../macros.h"

__asm__(".pushsection .text\n"
	"\t.globl enters\n"
	"\t.type enters, @function\n"
	"enters:\n"
	VALIDATE_UNRET_BEGIN
	"\tcall helper\n"
	VALIDATE_UNRET_END
	"\tret\n"
	"\t.size enters, . - enters\n"
	"\t.popsection");

/* User space has trained where it returns to. */
int helper(void)
{
	return 0;
}
