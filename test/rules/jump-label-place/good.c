int branches(void)
{
	__asm__ goto("1: nopl 8(%%rax, %%rax)\n"
		     "\t.pushsection __jump_table, \"aw\"\n"
		     "\t.long 1b - ., %l[enabled] - .\n"
		     "\t.quad jump_label_key - .\n"
		     "\t.popsection" : : : : enabled);
	return 0;
enabled:
	return 1;
}
