void __fentry__(void);

void traced(void)
{
	__fentry__();
}
