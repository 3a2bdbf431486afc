import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestUse, readDefinitions, spreadChange } from "../../src/patch/definitions.ts";

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
  assert.deepEqual(found.get("inner"), ["list_head"]);
  assert.deepEqual(found.get("outer"), ["inner", "spinlock_t"]);
  assert.ok(found.get("low_of")?.includes("clamp_low"));
  assert.ok(found.get("low_of")?.includes("outer"));
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
  assert.equal(spreadChange(readDefinitions(header), ["list_head"]).get("low_of"), 3);
});

test("definitions that need each other, and text that closes what it never opened, end", () => {
  assert.equal(spreadChange(readDefinitions("#define a b\n#define b a\n"), ["a"]).size, 2);
  assert.deepEqual(readDefinitions("}}}}{{{{"), []);
  assert.deepEqual(readDefinitions('static inline int f(void) { return "}'), [{ name: "f", needs: [] }]);
  const deep = `${"{".repeat(200_000)}`;
  const began = performance.now();
  readDefinitions(deep);
  readDefinitions(`#define x ${"y ".repeat(200_000)}`);
  assert.ok(performance.now() - began < 5000);
});
