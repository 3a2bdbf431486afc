void __attribute__((noreturn)) gives_up(int);
void __attribute__((noreturn)) never_back(void);

/* The body, in assembly: nobody compares it with the declaration. */
asm(".text\n"
    ".globl gives_up\n"
    ".type gives_up, @function\n"
    "gives_up:\n\t"
    "ud2\n"
    ".size gives_up, . - gives_up");

void chooses(int x)
{
	if (x)
		gives_up(x);
}

void leaves(int x)
{
	if (x)
		never_back();
}

void spins(void)
{
	for (;;)
		asm volatile("pause");
}

/* The list has it. */
void __attribute__((noreturn)) never_back(void)
{
	for (;;)
		asm volatile("pause");
}

void hands_over(int x)
{
	if (x)
		never_back();
}
