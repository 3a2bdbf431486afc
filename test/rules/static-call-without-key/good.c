extern int __SCK__operation;
int __SCT__operation(void);

static void *const names_the_key __attribute__((used, section(".discard.addressable"))) = &__SCK__operation;

int calls(void)
{
	return __SCT__operation() + 1;
}
