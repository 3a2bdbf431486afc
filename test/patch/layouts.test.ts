import assert from "node:assert/strict";
import { test } from "node:test";
import { readDefinitions } from "../../src/patch/definitions.ts";
import { movedMembers, readLayouts } from "../../src/patch/layouts.ts";
import { movedUses, Receivers, readersOf } from "../../src/patch/member-uses.ts";

const header = `/* struct shown { */
struct job {
	int			state;
	const struct ops __rcu	*ops;
	struct list_head	list[2], *tail;
	unsigned int		a:1, b : 2;
	int			(*run)(struct job *job, int (*more)(void));
#ifdef CONFIG_MORE
	DECLARE_BITMAP(mask, 64);
#endif
	union {
		struct timer	timer;
		long		when;
	};
	struct {
		int		depth;
	} nested ____cacheline_aligned;
	spinlock_t		lock;
} __randomize_layout;

struct big_job {
	int	before;
	struct job job;
	int	after;
};

union either { struct big_job *far; struct big_job near; char end; };
struct other { struct job *job; int after; };
`;

test("members are read in order, those of nested types without a name of their own among them", () => {
  const layouts = readLayouts(header);
  assert.deepEqual(
    layouts.map(({ name }) => name),
    ["struct job", "struct big_job", "union either", "struct other"],
  );
  assert.deepEqual(
    layouts[0]?.members.map(({ name, type, isPointer, line }) => `${line} ${type}${isPointer ? " *" : " "}${name}`),
    [
      "3 int state",
      "4 struct ops *ops",
      "5 struct list_head list",
      "5 struct list_head *tail",
      "6 int a",
      "6 int b",
      "7  *run",
      "9  mask",
      "12 struct timer timer",
      "13 long when",
      "16 int depth",
      "17  nested",
      "18 spinlock_t lock",
    ],
  );
});

test("a new member moves those behind it, and those behind its type in the types that hold it by value", () => {
  const layouts = readLayouts(header);
  const moved = movedMembers(layouts, [13], layouts);
  assert.deepEqual(
    [...moved].map(([type, members]) => [type, [...members].join(" ")]),
    [
      ["struct job", "when depth nested lock"],
      ["struct big_job", "after"],
      ["union either", ""],
    ],
  );
  assert.equal(movedMembers(layouts, [1, 26], layouts).size, 0, "a line of no type, and one between two");
  assert.deepEqual([...(movedMembers(layouts, [19], layouts).get("struct job") ?? [])], [], "what the last line held");
});

const helpers = `static inline struct job *job_of(int n) { return 0; }
static inline struct job *
first_job(void);
#define this_job first_job()
#define to_big(x) container_of(x, struct big_job, job)
struct worker { struct job *current_job; };
static inline int depth_of(struct job *j) { return j->nested.depth; }
static inline int state_of(struct job *j) { return j->state; }
#define wake(j) wake_up((j)->lock)
#define next_after(j) ((j)->after)
`;

test("a member counts where its receiver is of a type in which it moves", () => {
  const layouts = readLayouts(`${header}${helpers}`);
  const moved = movedMembers(layouts, [13], layouts);
  const receivers = new Receivers();
  receivers.add(`${header}${helpers}`, layouts);
  receivers.close();
  const uses = (text: string): string[] => [...movedUses(text, moved, receivers)];
  assert.deepEqual(uses("void f(struct job *j) { j->lock = j -> state; }"), ["struct job.lock"]);
  assert.deepEqual(uses("void f(struct key *j) { j->lock = 1; k->lock = 2; }"), []);
  assert.deepEqual(uses("job_of(f(1))->lock; this_job->when;"), ["struct job.lock", "struct job.when"]);
  assert.deepEqual(uses("to_big(j)->after; to_big(j)->before; x->current_job->lock;"), [
    "struct big_job.after",
    "struct job.lock",
  ]);
  assert.deepEqual(uses("static struct job here; size = sizeof(struct big_job);"), ["struct job", "struct big_job"]);
  assert.deepEqual(uses("void f(struct job *j); struct job *k; x = sizeof(struct other);"), []);
  // The argument of a macro has no type: "lock" is a member of no other, "after" is.
  assert.deepEqual(
    readersOf(() => helpers, readDefinitions(helpers), moved, receivers),
    ["depth_of", "wake"],
  );
});

test("text that never ends is read in time", () => {
  const began = performance.now();
  const layouts = readLayouts(`struct a {\n${"int x(".repeat(50_000)}\n};\n${"struct b ".repeat(50_000)}`);
  const moved = movedMembers(layouts, [2], layouts);
  const receivers = new Receivers();
  for (const text of ["f(".repeat(100_000), "a[".repeat(100_000), " ".repeat(200_000), `a${"\t".repeat(200_000)}`]) {
    receivers.add(text, []);
    movedUses(text, moved, receivers);
  }
  const macro = `#define a ${"container_of(x, ".repeat(1000)}\n`;
  receivers.add(macro.repeat(100), []);
  assert.ok(performance.now() - began < 3000, `${performance.now() - began} ms`);
});
