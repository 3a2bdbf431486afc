void elsewhere(int);

int reserves(int x)
{
	if (x)
		__asm__ volatile("subq $16, %rsp");
	elsewhere(2);
	return x;
}
