int calls(int (*function)(void))
{
	return function() + 1;
}
