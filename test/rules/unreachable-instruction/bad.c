void elsewhere(int);
void never_back(int);		/* listed as never returning, declared as returning */

int warns(int x)
{
	__asm__ volatile("ud2");
	elsewhere(x);
	return x;
}

int goes_on(int x)
{
	never_back(x);
	elsewhere(x);
	return x;
}
