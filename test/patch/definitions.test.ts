import assert from "node:assert/strict";
import { test } from "node:test";
import { definedOn, nearestUse, readDefinitions, spreadChange } from "../../src/patch/definitions.ts";
import { cpuMillis } from "../support/cpu-time.ts";

const header = `
/* not_this(x) */
#define LIMIT 64	// nor_this
#define clamp_low(x) \\
	max_of((x), LIMIT)
struct inner { int a; struct list_head list; };
struct outer {
	struct inner in;
	struct other *pointer;
	spinlock_t lock;
};
static inline int low_of(const struct outer *o)
{
	if (o->in.a)
		return clamp_low(o->in.a);
	return 0;
}
static __always_inline __attribute__((const))
int half_of(int x) { return x / 2; }
extern int elsewhere(int);
enum { FIRST };
int declared_only(struct outer *o);
`;

test("macros, inline functions and types by value, with the names that each needs", () => {
  const found = new Map(readDefinitions(header).map(({ name, needs }) => [name, [...needs].sort()]));
  assert.deepEqual(found.get("LIMIT"), []);
  assert.deepEqual(found.get("clamp_low"), ["LIMIT", "max_of", "x"]);
  assert.deepEqual(found.get("struct inner"), ["struct list_head"]);
  assert.deepEqual(found.get("struct outer"), ["spinlock_t", "struct inner"]);
  assert.ok(found.get("low_of")?.includes("clamp_low"));
  assert.ok(found.get("low_of")?.includes("struct outer"));
  assert.ok(found.has("half_of"));
  assert.ok(!found.has("elsewhere") && !found.has("not_this") && !found.has("declared_only"));
});

test("a change spreads over what is made of it, with the distance", () => {
  const distances = spreadChange(readDefinitions(header), ["LIMIT"]);
  assert.deepEqual([...distances].sort(), [
    ["LIMIT", 0],
    ["clamp_low", 1],
    ["low_of", 2],
  ]);
  assert.deepEqual(nearestUse("x = low_of(o) + clamp_low(3);", distances), { distance: 1, count: 2 });
  assert.equal(nearestUse("nothing(of_it)", distances), undefined);
  // A type that holds another by value changes with it, and what takes it.
  assert.equal(spreadChange(readDefinitions(header), ["struct list_head"]).get("low_of"), 3);
  // A variable that is called as a type is called is none.
  assert.equal(nearestUse("outer = low(inner)", spreadChange(readDefinitions(header), ["struct inner"])), undefined);
});

test("an enumerator takes its value from the one before it, unless it is set", () => {
  const text =
    "enum state {\n\tFIRST,\t/* one */\n\tSECOND,\n\n\tTHIRD = BASE + F(1, 2), FOURTH\n};\nenum { ALONE = SECOND };\n";
  const found = readDefinitions(text);
  assert.deepEqual(
    found.map(({ name, needs, first, last }) => [name, needs.join(), first, last]),
    [
      ["FIRST", "", 2, 2],
      ["SECOND", "FIRST", 3, 3],
      ["THIRD", "BASE,F", 5, 5],
      ["FOURTH", "THIRD", 5, 5],
      ["enum state", "", 0, -1],
      ["ALONE", "SECOND", 7, 7],
    ],
  );
  assert.deepEqual([...spreadChange(found, definedOn(found, [2, 4])).keys()], ["FIRST", "SECOND", "ALONE"]);
});

test("what stands on a line is found by it, and what a type is called otherwise", () => {
  const found = readDefinitions(header);
  assert.deepEqual([...definedOn(found, [4, 12, 19])], ["clamp_low", "low_of", "half_of"]);
  const types = readDefinitions(
    "typedef struct {\n\tint a[LIMIT];\n\tDECLARE_BITMAP(bits, COUNT);\n} some_t;\ntypedef struct key key_t;\ntypedef struct key *key_p;\n",
  );
  assert.deepEqual(
    types.map(({ name, needs }) => [name, needs.join()]),
    [
      ["some_t", "LIMIT,DECLARE_BITMAP,bits,COUNT"],
      ["key_t", "struct key"],
    ],
  );
});

test("branches of #ifdef that open a body twice do not swallow the rest", () => {
  const text =
    "#ifdef A\nstatic inline int f(int a)\n{\n#else\nstatic inline int f(long a)\n{\n#endif\n\treturn x(a);\n}\nstatic inline int g(void) { return 1; }\n";
  assert.ok(readDefinitions(text).some(({ name }) => name === "g"));
});

test("definitions that need each other, and text that closes what it never opened, end", () => {
  assert.equal(spreadChange(readDefinitions("#define a b\n#define b a\n"), ["a"]).size, 2);
  assert.deepEqual(readDefinitions("}}}}{{{{"), []);
  assert.deepEqual(readDefinitions('static inline int f(void) { return "}'), [
    { name: "f", needs: [], first: 1, last: 1 },
  ]);
  const deep = `${"{".repeat(200_000)}`;
  const began = cpuMillis();
  readDefinitions(deep);
  readDefinitions(`#define x ${"y ".repeat(200_000)}`);
  assert.ok(cpuMillis() - began < 5000);
});
