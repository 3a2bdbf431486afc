static int counter_init(void)
{
	return 0;
}

int init_module(void) __attribute__((alias("counter_init")));
static void *addressable __attribute__((used, section(".init.data"))) = init_module;
