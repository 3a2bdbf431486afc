import assert from "node:assert/strict";
import { test } from "node:test";
import type { Diagnostic } from "../../src/kernel/build-errors.ts";
import { logTail, newWarnings, placeOnPatch, readBuildLog } from "../../src/kernel/build-errors.ts";

// In the words of GNU make 4.3, gcc 12 and GNU as 2.40 under `make -k -Otarget`, shortened.
const LOG = `  GEN     Makefile
  AS      arch/x86/lib/copy_user_64.o
/objreview/src/arch/x86/lib/copy_user_64.S: Assembler messages:
/objreview/src/arch/x86/lib/copy_user_64.S:33: Error: no such instruction: \`bogus %rax'
make[4]: *** [/objreview/src/scripts/Makefile.build:357: arch/x86/lib/copy_user_64.o] Error 1
make[3]: *** [/objreview/src/scripts/Makefile.build:471: arch/x86/lib] Error 2
make[4]: *** No rule to make target 'kernel/nonexist.o'.
  CC      lib/bsearch.o
In file included from /objreview/src/lib/bsearch.c:10:
/objreview/src/include/linux/bsearch.h: In function 'foo':
/objreview/src/include/linux/bsearch.h:4:39: error: expected ';' before numeric constant
    4 | static inline int foo(void) { return 3 3; }
      |                                       ^~
make[4]: *** [/objreview/src/scripts/Makefile.build:234: lib/bsearch.o] Error 1
  CC      lib/hexdump.o
/objreview/src/lib/hexdump.c:296:12: warning: 'unused_fn' defined but not used [-Wunused-function]
  CC [M]  fs/x.o
  CC      kernel/fork.o
In file included from /objreview/src/include/linux/btf.h:9,
                 from /objreview/src/include/linux/bpf.h:28,
                 from /objreview/src/kernel/fork.c:53:
/objreview/src/include/linux/bsearch.h:4:39: error: expected ';' before numeric constant
/objreview/src/kernel/fork.c: At top level:
/objreview/src/kernel/fork.c:146:11: error: 'undeclared_thing' undeclared here (not in a function)
/objreview/src/include/linux/list.h:20:3: note: in expansion of macro 'WRITE_ONCE'
make[4]: *** [/objreview/src/scripts/Makefile.build:234: kernel/fork.o] Error 1
make[3]: Target 'kernel/fork.o' not remade because of errors.
make: *** [Makefile:236: __sub-make] Error 2
`;

test("each failed object has its first error, with file and line", () => {
  const log = readBuildLog(LOG, "/objreview/src");
  const first = (object: string): string => {
    const item = log.failed.get(object)![0]!;
    return `${item.file}:${item.line}: ${item.text}`;
  };
  assert.deepEqual([...log.failed.keys()].sort(), [
    "arch/x86/lib/copy_user_64.o",
    "kernel/fork.o",
    "kernel/nonexist.o",
    "lib/bsearch.o",
  ]);
  assert.equal(
    first("arch/x86/lib/copy_user_64.o"),
    "arch/x86/lib/copy_user_64.S:33: no such instruction: `bogus %rax'",
  );
  assert.equal(first("lib/bsearch.o"), "include/linux/bsearch.h:4: expected ';' before numeric constant");
  assert.equal(first("kernel/nonexist.o"), "kernel/nonexist.o:0: make has no rule for it");
  assert.equal(log.failed.get("kernel/fork.o")!.length, 2);
  assert.deepEqual(log.general, []);
  assert.equal(log.toolKilled, false);
});

test("warnings carry their option and stay out of the errors", () => {
  const { warnings } = readBuildLog(LOG, "/objreview/src");
  assert.equal(warnings.length, 1);
  assert.equal(warnings[0]!.option, "-Wunused-function");
  assert.equal(warnings[0]!.text, "'unused_fn' defined but not used");
});

test("an error in a header that the patch does not touch is placed on the include line that it does", () => {
  const log = readBuildLog(LOG, "/objreview/src");
  const error = log.failed.get("kernel/fork.o")![0]!;
  const placed = placeOnPatch(error, new Set(["kernel/fork.c"]));
  assert.deepEqual([placed.file, placed.line], ["kernel/fork.c", 53]);
  assert.equal(placed.text, `${error.text} (said at include/linux/bsearch.h:4)`);
  assert.equal(placeOnPatch(error, new Set(["include/linux/bsearch.h", "kernel/fork.c"])), error);
  assert.equal(placeOnPatch(error, new Set(["mm/slub.c"])), error);
  const macro = placeOnPatch(log.failed.get("kernel/fork.o")![1]!, new Set(["include/linux/list.h"]));
  assert.deepEqual([macro.file, macro.line], ["include/linux/list.h", 20]);
});

test("a broken step that all objects need is an error of none of them alone", () => {
  const log = readBuildLog(
    `  CC      arch/x86/kernel/asm-offsets.s
In file included from /objreview/src/include/linux/module.h:17,
                 from /objreview/src/arch/x86/kernel/asm-offsets.c:10:
/objreview/src/include/linux/kmod.h:4:10: error: expected declaration specifiers
make[3]: *** [/objreview/src/scripts/Makefile.build:102: arch/x86/kernel/asm-offsets.s] Error 1
`,
    "/objreview/src",
  );
  assert.equal(log.failed.size, 0);
  assert.equal(`${log.general[0]!.file}:${log.general[0]!.line}`, "include/linux/kmod.h:4");
});

test("a Makefile that does not parse is named with its line", () => {
  const log = readBuildLog("/objreview/src/kernel/Makefile:3: *** missing separator.  Stop.\n", "/objreview/src");
  assert.deepEqual(
    log.general.map((item) => [item.file, item.line, item.text]),
    [["kernel/Makefile", 3, "missing separator."]],
  );
});

test("a compiler that was killed is told from one that found an error", () => {
  const log = readBuildLog("gcc: fatal error: Killed signal terminated program cc1\ncompilation terminated.\n", "/s");
  assert.equal(log.toolKilled, true);
});

test("a warning is new only where the base has fewer of the same text, wherever its line has moved", () => {
  const at = (line: number, text: string): Diagnostic => {
    return { file: "a.c", line, text, via: [], severity: "warning", option: "-Wall" };
  };
  const base = [at(10, "unused x"), at(20, "unused x")];
  const head = [at(12, "unused x"), at(22, "unused x"), at(30, "unused x"), at(31, "unused y")];
  assert.deepEqual(
    newWarnings(base, head).map((item) => `${item.line} ${item.text}`),
    ["30 unused x", "31 unused y"],
  );
});

test("a hostile log is read in bounded time and memory", () => {
  const line = `${"a".repeat(100)}:1:1: error: ${"b".repeat(5000)}\n`;
  const noise = "In file included from x:1,\n".repeat(20_000) + ":".repeat(200_000);
  const began = performance.now();
  const log = readBuildLog(line.repeat(4000) + noise, "/s");
  assert.ok(performance.now() - began < 5000);
  assert.equal(log.general.length, 2000);
  assert.ok(log.general.every((item) => item.text.length <= 400 && item.via.length <= 40));
});

test("the tail for people leaves out what make repeats", () => {
  const tail = logTail(LOG, 3);
  assert.equal(tail.split("\n").length, 3);
  assert.ok(!tail.includes("not remade"));
});
