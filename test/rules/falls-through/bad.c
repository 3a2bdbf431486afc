void elsewhere(int);

/* The promise does not hold: the caller may pass anything. */
int promised(volatile int *to, int x)
{
	if (x == 1)
		return 2;
	*to = x;
	__builtin_unreachable();
}

void always(volatile int *to)
{
	*to = 1;
	__builtin_unreachable();
}

/* elsewhere() returns, whatever this says. */
void calls_last(int x)
{
	elsewhere(x);
	__builtin_unreachable();
}

int behind(int x)
{
	return x + 1;
}
