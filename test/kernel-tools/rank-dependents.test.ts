import assert from "node:assert/strict";
import { test } from "node:test";
import { rankDependents } from "../../src/kernel/rank-dependents.ts";
import { parseDiff } from "../../src/patch/diff.ts";

const header = "include/linux/part.h";

function rank(files: Readonly<Record<string, string>>, hunk: string) {
  const diff = parseDiff(`--- a/${header}\n+++ b/${header}\n${hunk}`);
  const sources = Object.keys(files).filter((path) => path.endsWith(".c"));
  const ranked = rankDependents(
    sources.map((source) => ({ source: source.replace(/c$/, "o"), depth: 1, through: header })),
    {
      diffs: diff,
      read: (path) => files[path] ?? "",
      headers: (directories) =>
        Object.keys(files).filter(
          (path) =>
            path.endsWith(".h") && (path.startsWith("include/") || directories.has(path.replace(/\/[^/]*$/, ""))),
        ),
    },
  );
  return { users: ranked.users, order: ranked.list.map(({ source }) => source.replace(/o$/, "c")) };
}

test("a hunk that shows no name is placed by its lines in the header", () => {
  const files = {
    [header]:
      "static inline int first(int a)\n{\n\treturn a;\n}\n\nstatic inline int second(int a)\n{\n\treturn a + 1;\n}\n",
    "fs/a.c": "first(1);",
    "fs/b.c": "second(1);",
  };
  const hunk = "@@ -6,4 +6,4 @@\n static inline int second(int a)\n {\n-\treturn a;\n+\treturn a + 1;\n }\n";
  assert.deepEqual(rank(files, hunk), { users: 1, order: ["fs/b.c", "fs/a.c"] });
  const bare = "@@ -8 +8 @@\n-\treturn a;\n+\treturn a + 1;\n";
  assert.deepEqual(rank(files, bare), { users: 1, order: ["fs/b.c", "fs/a.c"] });
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
    order: ["fs/b.c", "fs/a.c"],
  });
});
