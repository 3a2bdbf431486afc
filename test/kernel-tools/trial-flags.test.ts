import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseOthers, readCompilers } from "../../src/kernel/trial-compilers.ts";
import { type Compiler, translateOptions, withoutUnknown } from "../../src/kernel/trial-flags.ts";

const gcc: Compiler = { program: "gcc", family: "gcc", version: "12.2.0", machine: "x86_64-linux-gnu" };
const clang = (version: string): Compiler => ({
  program: "clang",
  family: "clang",
  version,
  machine: "x86_64-pc-linux-gnu",
});
const words = (text: string): string[][] => text.split(" ").map((word) => word.split("+"));
const joined = (options: readonly (readonly string[])[]): string => options.map((option) => option.join("+")).join(" ");

test("witnesses and the kernel's own options are said in the words of the other compiler", () => {
  const ofGcc = words(
    "-O2 -g1 -Wa,--gsframe -mpreferred-stack-boundary=3 -mindirect-branch=thunk-extern -Wall -Werror=vla",
  );
  const translated = (from: Compiler, to: Compiler, options: string[][]) => joined(translateOptions(options, from, to));
  assert.equal(
    translated(gcc, clang("22.1.8"), ofGcc),
    "-O2 -g -Wa,--allow-experimental-sframe,--gsframe -mstack-alignment=8 -mretpoline-external-thunk -w",
  );
  assert.equal(translated(gcc, clang("19.1.7"), ofGcc), "-O2 -g -mstack-alignment=8 -mretpoline-external-thunk -w");
  assert.equal(translated(gcc, gcc, ofGcc), joined([...ofGcc.slice(0, 5), ["-w"]]));
  const ofClang = words(
    "--target=x86_64-linux-gnu -fintegrated-as -O2 -g -Wa,--allow-experimental-sframe,--gsframe -mllvm+-emit-jump-table-sizes-section -mstack-alignment=8",
  );
  assert.equal(translated(clang("22.1.8"), gcc, ofClang), "-O2 -g -Wa,--gsframe -mpreferred-stack-boundary=3 -w");
  assert.equal(
    translated(clang("22.1.8"), clang("19.1.7"), ofClang),
    "--target=x86_64-linux-gnu -fintegrated-as -O2 -g -mllvm+-emit-jump-table-sizes-section -mstack-alignment=8 -w",
  );
  const arm: Compiler = { ...gcc, program: "aarch64-linux-gnu-gcc", machine: "aarch64-linux-gnu" };
  assert.equal(translated(arm, clang("22.1.8"), words("-O2")), "--target=aarch64-linux-gnu -O2 -w");
});

test("an old clang is given what it wants beside -ftrivial-auto-var-init=zero, and no other compiler is", () => {
  const zero = words("-O2 -ftrivial-auto-var-init=zero");
  const enabler = "-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang";
  const translated = (from: Compiler, to: Compiler, options: string[][]) => joined(translateOptions(options, from, to));
  const plain = "-O2 -ftrivial-auto-var-init=zero -w";
  assert.equal(translated(gcc, clang("14.0.6"), zero), `-O2 -ftrivial-auto-var-init=zero ${enabler} -w`);
  assert.equal(translated(gcc, clang("16.0.6"), zero), plain);
  const old = [...zero, [enabler]];
  assert.equal(translated(clang("14.0.6"), gcc, old), plain);
  assert.equal(translated(clang("14.0.6"), clang("22.1.8"), old), plain);
  assert.equal(translated(clang("14.0.6"), clang("15.0.7"), old), `-O2 -ftrivial-auto-var-init=zero ${enabler} -w`);
});

test("what a compiler complains of is left out, in the words that they use", () => {
  const options = words(
    "-O2 -fconserve-stack -mfoo=bar -mllvm+-emit-x -Wa,--gsframe --param+a=b -fstrict-flex-arrays=3",
  );
  const log = [
    "clang-22: error: unknown argument: '-fconserve-stack'",
    "clang: error: unsupported option '-mfoo=bar' for target 'x86_64'",
    "clang (LLVM option parsing): Unknown command line argument '-emit-x'.  Try: 'clang (LLVM option parsing) --help'",
    "clang: error: unsupported argument '--gsframe' to option '-Wa,'",
    "gcc: error: unrecognized command-line option '-fstrict-flex-arrays=3'; did you mean '-x'?",
    "f.c:3: error: unknown type name 'O2'",
  ].join("\n");
  assert.equal(joined(withoutUnknown(options, log) ?? []), "-O2 --param+a=b");
  assert.equal(withoutUnknown(options, "f.c:1: error: expected ';'"), undefined);
  assert.equal(withoutUnknown(words("-O2"), log), undefined);
});

test("compilers are known by what they say; one of each version, the other family and the newest first", () => {
  const log = [
    "gcc|/usr/bin/x86_64-linux-gnu-gcc-12|x86_64-linux-gnu|12.2.0|gcc (Debian 12.2.0-14) 12.2.0",
    "gcc-12|/usr/bin/x86_64-linux-gnu-gcc-12|x86_64-linux-gnu|12.2.0|gcc-12 (Debian 12.2.0-14) 12.2.0",
    "gcc-9|/usr/bin/gcc-9|x86_64-linux-gnu|9.5.0|gcc-9",
    "gcc-13|/usr/bin/gcc-13|x86_64-linux-gnu|13.1.0|gcc-13",
    "aarch64-linux-gnu-gcc|/usr/bin/a|aarch64-linux-gnu|12.2.0|gcc",
    "gcc-ar-12|/usr/bin/gcc-ar-12||GNU ar|GNU ar",
    "clang-9|/usr/bin/clang-9|x86_64-pc-linux-gnu|4.2.1|Debian clang version 9.0.1-16",
    "clang-22|/usr/bin/clang-22|x86_64-pc-linux-gnu|4.2.1|Debian clang version 22.1.8 (++2026)",
    "clang-16|/usr/bin/clang-16|x86_64-pc-linux-gnu|4.2.1|Debian clang version 16.0.6 (15~deb12u1)",
    "sh: 3: nothing: not found",
  ].join("\n");
  const [own, ...found] = readCompilers(log);
  const names = chooseOthers(own!.compiler, found).map(({ family, version }) => `${family} ${version}`);
  assert.deepEqual(names, ["clang 22.1.8", "gcc 13.1.0", "clang 16.0.6", "gcc 9.5.0"]);
});
