int calls(int (*function)(void))
{
	int result;

	__asm__ volatile("call *%1" : "=a"(result) : "D"(function) : "memory");
	return result;
}
