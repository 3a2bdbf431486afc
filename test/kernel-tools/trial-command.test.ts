import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { levelOf, quoteWords, readCompile, splitWords } from "../../src/kernel/trial-command.ts";
import { optionsOfPreprocessed } from "../../src/kernel/trial-keep.ts";

test("words are those of the shell, and what is put together again is the same for it", () => {
  const text = `a  -DNAME='"fork"' "b \\"c\\" 'd'" e\\ f -DX=\\"y\\" '' g#h "\\\\"`;
  const words = splitWords(text);
  assert.deepEqual(words, ["a", `-DNAME="fork"`, `b "c" 'd'`, "e f", `-DX="y"`, "", "g#h", "\\"]);
  const shell = (line: string) => execFileSync("sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" });
  assert.equal(shell(text), `${words.join("\n")}\n`);
  assert.equal(shell(quoteWords(words)), `${words.join("\n")}\n`);
});

test("what a shell would do more with than split is refused", () => {
  const more = [
    "a; b",
    "a $(b)",
    "a `b`",
    `a "$b"`,
    "a > b",
    "a & b",
    "a | b",
    "a *.c",
    "a ~",
    "a {b,c}",
    "#a",
    "a 'b",
  ];
  for (const text of [...more, "a\nb", `a "b`]) assert.throws(() => splitWords(text), { name: "UsageError" }, text);
});

test("a compile of kbuild's is taken apart", () => {
  const { program, family, options, source, object } = readCompile(
    "ccache x86_64-linux-gnu-gcc-12 -Wp,-MMD,lib/.f.o.d -nostdinc -I./include -include a.h -O1 -O2 -mllvm -x -c -o lib/f.o /s/lib/f.c",
  );
  assert.deepEqual([program, family, source, object], ["x86_64-linux-gnu-gcc-12", "gcc", "/s/lib/f.c", "lib/f.o"]);
  assert.deepEqual(options, [["-nostdinc"], ["-I./include"], ["-include", "a.h"], ["-O1"], ["-O2"], ["-mllvm", "-x"]]);
  assert.equal(levelOf(options), "-O2");
  assert.equal(readCompile("clang-22 -c -o f.o f.c").family, "clang");
});

test("what is no compile of one C file is refused", () => {
  for (const text of [
    "ld -r -o a.o b.o",
    "gcc -c -o a.o a.S",
    "gcc -E -o a.i a.c",
    "gcc -c -o a.o a.c b.c",
    "./gcc.sh -c -o a.o a.c",
    "",
  ])
    assert.throws(() => readCompile(text), { name: "UsageError" }, text);
});

test("what is handed on with a preprocessed source names no file and runs nothing", () => {
  const kept =
    "-std=gnu11 -O2 -g1 -Wa,--gsframe -mllvm -x=1 -fpatchable-function-entry=16,16 -mcmodel=kernel -fno-PIE -pg -mfentry -mrecord-mcount";
  const left = [
    ...["-nostdinc -I/s/include -isystem /x -include /s/a.h -D__KERNEL__ -DA=b -U c -fmacro-prefix-map=/s/= -Wp,-D_X"],
    ...[
      "-fplugin=./e.so -fplugin-arg-e-x=1 -fpass-plugin=e.so -B/e -wrapper a,b -specs=e -Xclang -load -mllvm -load=e.so",
    ],
    ...[
      "-Wa,-o,/e -Wa,--gsframe,-a=e -fdump-tree-all=e -fopt-info=e -fprofile-use=/s/p -save-temps --sysroot=/e -MF e",
    ],
  ];
  const { options } = readCompile(`gcc ${left.join(" ")} ${kept} -c -o f.o f.c`);
  assert.equal(
    optionsOfPreprocessed(options)
      .map((option) => option.join(" "))
      .join(" "),
    kept,
  );
});
