import { seededRandom } from "./random.ts";

/** What the shapes below share. Nothing is defined: calls stay calls. */
const head = `
typedef __builtin_va_list va_list;
struct big { long word[9]; };
int sink(int, ...);
void take(void *, long);
struct big make(int);
long pick(const char *);
extern volatile int gate;
`;

type Shape = (name: string, n: () => number) => string;

// Each is a way in which a compiler comes to move the stack pointer.
const shapes: readonly Shape[] = [
  (f, n) => `int ${f}(int x) { return x * ${n()} + ${n()}; }`,
  (f, n) => `int ${f}(int x) { if (x > ${n()}) return sink(x); return sink(x, ${n()}) + 1; }`,
  (f, n) => `int ${f}(int a, int b, int c, int d, int e, int g, int h, int i, int j)
{ return sink(a, b, c, d, e, g, h, i, j, a * ${n()}) + sink(j, i, h, g, e, d, c, b, a) + b * c - d * e; }`,
  (f, n) =>
    `long ${f}(long x) { long v[${n()}]; take(v, sizeof v); for (int i = 0; i < ${n()}; i++) x += v[i & 1] * i; return x; }`,
  (f, n) => `long ${f}(int x) { char b[x + ${n()}]; take(b, x); return b[x / 2] + pick(b); }`,
  (f, n) => `long ${f}(int x) { char b[64] __attribute__((aligned(64))); take(b, x); return b[x & 63] + ${n()}; }`,
  (f, n) => `long ${f}(int x) { char a[64] __attribute__((aligned(64))); char *b = __builtin_alloca(x + ${n()});
take(a, x); take(b, x); return a[1] + b[2]; }`,
  (f, n) => `int ${f}(int count, ...) { va_list l; int s = 0; __builtin_va_start(l, count);
while (count--) s += __builtin_va_arg(l, int) * ${n()}; __builtin_va_end(l); return sink(s); }`,
  (f, n) => `int ${f}(int x) { switch (x) { case 0: return sink(${n()}); case 1: take(&x, ${n()}); break;
case 2: case 3: x += sink(x, 2); break; case 9: return ${n()}; default: if (gate) return sink(x, x); } return x; }`,
  (f, n) =>
    `long ${f}(int x) { struct big b = make(x); b.word[${n()} % 9] += x; take(&b, sizeof b); return b.word[x & 7]; }`,
  (f, n) => `struct big ${f}(int x) { struct big b = make(x); b.word[2] ^= ${n()}; return b; }`,
  (f, n) => `int ${f}(int x) { if (x < 2) return ${n()}; return ${f}(x - 1) + ${f}(x - 2); }`,
  (f, n) => `int ${f}(int *p, int k) { if (__builtin_expect(!p, 0)) { take(p, ${n()}); return -22; }
int s = 0; for (int i = 0; i < k; i++) { if (p[i] > ${n()}) s += sink(p[i], s); else s ^= p[i]; } return s; }`,
  (f, n) => `unsigned long ${f}(unsigned long a, unsigned long b) { unsigned long q = 0;
while (b) { q = q * ${n()} + a % b; b = b / 3; if (gate) q += pick((char *)q); } return q; }`,
  (f, n) => `void ${f}(struct big b, int x) { struct big c = b; c.word[1] = ${n()}; take(&c, x); take(&b, x); }`,
  (f, n) => `long ${f}(long (*call)(long), long x) { long y = call(x), z = call(y), w = call(z + ${n()});
return call(x + y + z + w) * y - z * w; }`,
];

/** A C file with `rounds` variants of every shape; the same seed writes the same text. */
export function generateC(seed: number, rounds: number): string {
  const random = seededRandom(seed);
  const functions: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [s, shape] of shapes.entries()) functions.push(shape(`shape_${s}_${round}`, () => 3 + (random() % 40)));
  }
  return `${head}${functions.join("\n")}\n`;
}
