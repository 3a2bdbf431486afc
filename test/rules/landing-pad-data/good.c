static int step(int n)
{
	return n + 1;
}

struct ops {
	unsigned long name;
	int (*step)(int);
};

const struct ops counter = { 1, step };
