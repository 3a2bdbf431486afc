int elsewhere(void);

int returns(int early)
{
	if (early)
		__asm__ volatile("ret");
	return elsewhere();
}
