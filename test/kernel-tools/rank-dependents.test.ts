import assert from "node:assert/strict";
import { test } from "node:test";
import { type RankOptions, rankDependents } from "../../src/kernel/rank-dependents.ts";
import { parseDiff } from "../../src/patch/diff.ts";

const header = "include/linux/part.h";

function rank(files: Readonly<Record<string, string>>, hunk: string, constants?: RankOptions["constants"]) {
  const diff = parseDiff(`--- a/${header}\n+++ b/${header}\n${hunk}`);
  const sources = Object.keys(files).filter((path) => /^fs\/.*\.c$/.test(path));
  const ranked = rankDependents(
    sources.map((source) => ({ source: source.replace(/c$/, "o"), depth: 1, through: header })),
    {
      diffs: diff,
      read: (path) => files[path] ?? "",
      headers: (directories) =>
        Object.keys(files).filter(
          (path) =>
            path.endsWith(".h") &&
            (/^(arch\/x86\/)?include\//.test(path) || directories.has(path.replace(/\/[^/]*$/, ""))),
        ),
      ...(constants === undefined ? {} : { constants }),
    },
  );
  return {
    users: ranked.users,
    direct: ranked.direct,
    order: ranked.list.map(({ source }) => source.replace(/o$/, "c")),
  };
}

test("a hunk that shows no name is placed by its lines in the header", () => {
  const files = {
    [header]:
      "static inline int first(int a)\n{\n\treturn a;\n}\n\nstatic inline int second(int a)\n{\n\treturn a + 1;\n}\n",
    "fs/a.c": "first(1);",
    "fs/b.c": "second(1);",
  };
  const hunk = "@@ -6,4 +6,4 @@\n static inline int second(int a)\n {\n-\treturn a;\n+\treturn a + 1;\n }\n";
  assert.deepEqual(rank(files, hunk), { users: 1, direct: 1, order: ["fs/b.c", "fs/a.c"] });
  const bare = "@@ -8 +8 @@\n-\treturn a;\n+\treturn a + 1;\n";
  assert.deepEqual(rank(files, bare), { users: 1, direct: 1, order: ["fs/b.c", "fs/a.c"] });
});

test("a new enumerator concerns the users of those behind it, through macros that paste and headers beside the source", () => {
  const files = {
    [header]: "enum state {\n\tONE,\n\tTWO,\n\tNEW,\n\tLAST,\n};\n",
    "include/linux/journal.h":
      "enum more { JOURNAL = LAST };\n#define FNS(b, n) static inline int is_##n(int x) { return x & b; }\nFNS(JOURNAL, journal)\n",
    "fs/x/x.h": "#define X_FLAG (1 << LAST)\n",
    "fs/x/a.c": "f(ONE | TWO);",
    "fs/x/b.c": "is_journal(a);",
    "fs/x/c.c": "use(X_FLAG);",
  };
  const { users, order } = rank(files, "@@ -2,3 +2,4 @@ enum state {\n \tONE,\n \tTWO,\n+\tNEW,\n \tLAST,\n");
  assert.equal(users, 2);
  assert.deepEqual(order, ["fs/x/c.c", "fs/x/b.c", "fs/x/a.c"]);
});

test("a type is looked for with its word, so that a variable of its name is no use of it", () => {
  const files = {
    [header]: "struct key {\n\tint more;\n\tint a;\n};\n",
    "fs/a.c": "int key = 1; f(key, key);",
    "fs/b.c": "struct key *k;",
  };
  assert.deepEqual(rank(files, "@@ -1,3 +1,4 @@\n struct key {\n+\tint more;\n \tint a;\n };\n"), {
    users: 1,
    direct: 1,
    order: ["fs/b.c", "fs/a.c"],
  });
});

test("where a type's layout changes, those that read most of what moves come first, those that only name it last", () => {
  const files = {
    [header]:
      "struct job {\n\tint before;\n\tint more;\n\tint after;\n\tint last;\n};\nstatic inline int last_of(struct job *j)\n{\n\treturn j->last;\n}\n",
    "include/linux/holder.h": "struct holder {\n\tstruct job job;\n\tint behind;\n};\n",
    "include/trace/events/job.h": "TRACE_EVENT(job, TP_PROTO(struct job *j), TP_fast_assign(__entry->a = j->after;));",
    "fs/x/private.h": "#define name(j) ((j)->last)\n",
    "fs/a.c": "int f(struct job *j, struct job *k);\nint g(struct job *j) { return j->before + after + name(j); }",
    "fs/b.c": "int f(struct job *j) { return last_of(j); }",
    "fs/c.c": "int f(struct job *j) { return j->after + last_of(j) + j->more; }",
    "fs/d.c": "int f(struct holder *h) { return h->behind + h->job.before + h->job.more; }",
    "fs/e.c": '#define CREATE_TRACE_POINTS\n#include <trace/events/job.h>\n#include "sub/f.c"\nint none;',
    "fs/sub/f.c": "int g(struct job *j) { return j->more + last_of(j); }",
    "fs/f.c": "int none;",
    "fs/x/g.c": "int f(struct job *j) { return name(j) + name(j); }",
  };
  const { users, order } = rank(files, "@@ -2,2 +2,3 @@ struct job {\n \tint before;\n+\tint more;\n \tint after;\n");
  assert.equal(users, 6);
  assert.deepEqual(order.slice(0, 2).sort(), ["fs/c.c", "fs/e.c"]);
  assert.deepEqual(order.slice(2, 4).sort(), ["fs/d.c", "fs/sub/f.c"]);
  assert.deepEqual(order.slice(4), ["fs/b.c", "fs/x/g.c", "fs/a.c", "fs/f.c"]);
});

test("assembly that uses the offset of a member which moves is found beside the dependents", () => {
  const files = {
    [header]: "struct job {\n\tint before;\n\tint more;\n\tint after;\n};\n",
    "arch/x86/include/asm/stack.h": "#define LOAD_AFTER(r) movl JOB_after(r), r\n",
    "arch/x86/kernel/asm-offsets.c": '#include "asm-offsets_64.c"\n OFFSET(JOB_before, job, before);\n',
    "arch/x86/kernel/asm-offsets_64.c": "OFFSET(JOB_after, job, after.inner);\n",
    "arch/x86/entry/a.S": "LOAD_AFTER(%rdi)",
    "arch/x86/entry/b.S": "movl JOB_before(%rdi), %eax",
    "arch/x86/entry/c.S": "movl JOB_after(%rdi), %eax",
    "fs/a.c": "int f(struct job *j) { return j->after; }",
  };
  const through = "arch/x86/include/asm/asm-offsets.h";
  const assembly = ["a", "b", "c"].map((name) => ({ source: `arch/x86/entry/${name}.o`, depth: 1, through }));
  const hunk = "@@ -2,2 +2,3 @@ struct job {\n \tint before;\n+\tint more;\n \tint after;\n";
  const ranked = rank(files, hunk, { source: "arch/x86/kernel/asm-offsets.c", users: () => assembly });
  assert.deepEqual(ranked.order, ["arch/x86/entry/a.c", "arch/x86/entry/c.c", "fs/a.c"]);
  assert.deepEqual([ranked.users, ranked.direct], [3, 3]);
});
