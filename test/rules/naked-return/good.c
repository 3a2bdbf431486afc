int elsewhere(void);

int returns(int early)
{
	if (early)
		return 0;
	return elsewhere();
}
