void a(void), b(void);

void chooses(unsigned int which)
{
	if (which == 0)
		a();
	else
		b();
}
