import assert from "node:assert/strict";
import { test } from "node:test";
import { readDefines, readStruct } from "../../src/facts/c-layout.ts";
import { compile } from "../support/assemble.ts";

const members = (text: string, defined: string[] = []) => {
  const layout = readStruct(text, "entry", new Set(defined));
  return (
    layout && {
      size: layout.size,
      ...Object.fromEntries([...layout.members].map(([n, { bit, width }]) => [n, `${bit}:${width}`])),
    }
  );
};

test("numbers of macros by prefix; comments, expressions and other prefixes are left out", () => {
  const text = `#define KIND_ONE 1
#define KIND_TWO	0x2 /* two */
 # define KIND_THREE  3 // three
#define KIND_SUM (1 + 2)
#define KIND_CALL(x) 4
/* #define KIND_NEVER 5 */
#define OTHER 6
`;
  assert.deepEqual(
    [...readDefines(text, "KIND_")],
    [
      ["ONE", 1],
      ["TWO", 2],
      ["THREE", 3],
    ],
  );
});

test("natural alignment, packing, bit fields, anonymous members", () => {
  assert.deepEqual(members("struct entry { u32 a; s16 b; u8 c; u8 d; u8 e; };"), {
    size: 12,
    a: "0:32",
    b: "32:16",
    c: "48:8",
    d: "56:8",
    e: "64:8",
  });
  assert.equal(members("struct entry { u32 a; u8 b; } __packed;")?.size, 5);
  assert.deepEqual(
    members("struct entry { s16 a; unsigned b:4; unsigned c : 4; unsigned d:3; unsigned e:1; } __packed;"),
    {
      size: 4,
      a: "0:16",
      b: "16:4",
      c: "20:4",
      d: "24:3",
      e: "27:1",
    },
  );
  assert.deepEqual(
    members("struct entry { s32 a; union { struct { u32 b: 16; u32 c: 16; }; u32 d; }; u8 e; u8 f; } __packed;"),
    { size: 10, a: "0:32", b: "32:16", c: "48:16", d: "32:32", e: "64:8", f: "72:8" },
  );
});

test("the compiler lays the same structures out the same way", () => {
  const types =
    "typedef unsigned char u8; typedef unsigned short u16; typedef short s16; typedef unsigned u32; typedef int s32; typedef long s64;\n#define __packed __attribute__((packed))\n";
  const bodies = [
    "{ u8 a; u32 b; u16 c; }",
    "{ u8 a; s64 b; u8 c; }",
    "{ u8 a; union { u16 b; struct { u8 c; u32 d; }; }; u8 e; }",
    "{ u16 a; unsigned b:20; unsigned c:20; u8 d; }",
    "{ u8 a; unsigned b:4; unsigned c:11; u16 d; } __packed",
    "{ u8 a; union { u32 b; struct { u8 c; u16 d; }; }; u16 e; } __packed",
  ];
  for (const body of bodies) {
    const layout = readStruct(`struct entry ${body};`, "entry")!;
    const checks = [`_Static_assert(sizeof(struct entry) == ${layout.size}, "size");`];
    for (const [name, { bit, width }] of layout.members) {
      if (bit % 8 !== 0 || ![8, 16, 32, 64].includes(width) || body.includes(`${name}:`)) continue;
      checks.push(`_Static_assert(__builtin_offsetof(struct entry, ${name}) == ${bit / 8}, "${name}");`);
    }
    assert.ok(checks.length > 2, body);
    compile(`${types}struct entry ${body};\n${checks.join("\n")}\n`);
  }
});

test("conditionals: what is defined, what is not, and the rest of their forms", () => {
  const text = `struct entry {
#if defined(LITTLE)
	u8 a;
#elif defined(BIG)
	u16 b;
#else
	u32 c;
#endif
#ifdef LITTLE
	u8 d;
#endif
#ifndef LITTLE
	u8 e;
#endif
#if !defined(BIG)
	u8 f;
#endif
};`;
  const names = (defined: string[]): string =>
    [...readStruct(text, "entry", new Set(defined))!.members.keys()].join("");
  assert.equal(names(["LITTLE"]), "adf");
  assert.equal(names(["BIG"]), "be");
  assert.equal(names([]), "cef");
});

test("what is not understood is undefined, not wrong", () => {
  assert.equal(readStruct("struct entry { u8 a; };", "other"), undefined);
  assert.equal(readStruct("struct entry { u8 a;", "entry"), undefined);
  assert.equal(readStruct("struct entry { struct list_head list; u8 a; };", "entry"), undefined);
  assert.equal(readStruct("struct entry { u8 a[4]; };", "entry"), undefined);
  assert.equal(readStruct("struct entry { u8 *a; };", "entry"), undefined);
  assert.equal(readStruct(`struct entry { ${"union { ".repeat(50_000)}`, "entry"), undefined);
  const deep = `struct entry { ${"union { ".repeat(5000)}u8 a; ${"}; ".repeat(5000)}};`;
  assert.equal(readStruct(deep, "entry"), undefined);
});
