void elsewhere(int);
void __attribute__((noreturn)) never_back(int);

int warns(int x)
{
	__asm__ volatile("ud2\n"
			 "1: .pushsection .discard.reachable\n"
			 ".long 1b\n"
			 ".popsection");
	elsewhere(x);
	return x;
}

int goes_on(int x)
{
	if (x)
		never_back(x);
	elsewhere(x);
	return x;
}
