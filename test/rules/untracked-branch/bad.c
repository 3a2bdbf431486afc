void a(void), b(void), c(void), d(void), e(void), f(void), g(void), h(void);

void chooses(unsigned int which)
{
	switch (which) {
	case 0: a(); break;
	case 1: b(); break;
	case 2: c(); break;
	case 3: d(); break;
	case 4: e(); break;
	case 5: f(); break;
	case 6: g(); break;
	case 7: h(); break;
	}
}
