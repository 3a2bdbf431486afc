int __SCT__operation(void);

int calls(void)
{
	return __SCT__operation() + 1;
}
