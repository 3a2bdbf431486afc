int elsewhere(int);

void never_back(int code)
{
	for (;;)
		code += elsewhere(code);
}
