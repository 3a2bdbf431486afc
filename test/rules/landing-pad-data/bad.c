#define __noendbr __attribute__((nocf_check))

static __noendbr int step(int n)
{
	return n + 1;
}

struct ops {
	unsigned long name;
	int (*step)(int) __noendbr;
};

const struct ops counter = { 1, step };
