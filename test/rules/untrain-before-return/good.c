#include "../macros.h"

__asm__(".pushsection .text\n"
	"\t.globl enters\n"
	"\t.type enters, @function\n"
	"enters:\n"
	VALIDATE_UNRET_BEGIN
	VALIDATE_UNRET_END
	"\tcall helper\n"
	"\tret\n"
	"\t.size enters, . - enters\n"
	"\t.popsection");

int helper(void)
{
	return 0;
}
