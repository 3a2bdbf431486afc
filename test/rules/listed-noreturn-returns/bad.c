int elsewhere(int);

void never_back(int code)
{
	while (elsewhere(code))
		code++;
}
