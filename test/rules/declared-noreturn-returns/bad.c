void __attribute__((noreturn)) gives_up(int);
void __attribute__((noreturn)) comes_back(int);

/* The body, in assembly: nobody compares it with the declaration. */
asm(".text\n"
    ".globl gives_up\n"
    ".type gives_up, @function\n"
    "gives_up:\n\t"
    "ret\n"
    ".size gives_up, . - gives_up");

void chooses(int x)
{
	if (x)
		gives_up(x);
}

void leaves(int x)
{
	comes_back(x + 1);
}

/* The list does not have it. */
void __attribute__((noreturn)) spins(void)
{
	for (;;)
		asm volatile("pause");
}

/* It does not come back, and the list does not have it either. */
void __attribute__((noreturn)) stays_away(int);

void hands_over(int x)
{
	if (x)
		stays_away(x + 1);
}
