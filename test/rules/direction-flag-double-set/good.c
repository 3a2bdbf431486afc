#define move_down(to, from, n) __asm__ volatile("std; rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory")
#define move_up_again() __asm__ volatile("cld")

void moves_twice(char *to, const char *from, long n, long more)
{
	move_down(to, from, n);
	move_up_again();
	move_down(to, from, more);
	move_up_again();
}
