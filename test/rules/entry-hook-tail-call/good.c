void __fentry__(void);

int traced(void)
{
	__fentry__();
	return 0;
}
