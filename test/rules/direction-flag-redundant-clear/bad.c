void moves(char *to, const char *from, long n)
{
	if (to > from)
		__asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	else
		__asm__ volatile("rep movsb; cld" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}
