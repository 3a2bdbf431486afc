void __attribute__((noreturn)) never_back(int);

int promised(volatile int *to, int x)
{
	if (x == 1)
		return 2;
	*to = x;
	__builtin_trap();
}

void always(volatile int *to)
{
	*to = 1;
}

void calls_last(int x)
{
	never_back(x);
}

int behind(int x)
{
	return x + 1;
}
