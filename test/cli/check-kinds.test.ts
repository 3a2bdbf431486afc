import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkCommand } from "../../src/cli/check.ts";
import { orcDumpCommand } from "../../src/cli/orc.ts";
import { repositoryRoot } from "../support/repository.ts";
import { fixtureFolder } from "../support/rule-fixtures.ts";

// What a build folder and its neighbourhood hold, given to `objreview check` and `objreview orc`: an answer that is right, and says why.

const dir = mkdtempSync(join(tmpdir(), "objreview-kinds-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const inDir = (name: string): string => join(dir, name);
const run = (program: string, args: readonly string[]): void =>
  void execFileSync(program, args, { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });

writeFileSync(inDir("a.c"), "int add(int a) { return a + 1; }\nint main(void) { return add(2); }\n");
run("gcc", ["-O2", "-c", "-o", "a.o", "a.c"]);
run("gcc", ["-c", "-x", "c", "-o", "nothing.o", "/dev/null"]);

function capture() {
  const said = { out: "", err: "" };
  const io = {
    out(text: string) {
      said.out += text;
    },
    err(text: string) {
      said.err += text;
    },
  };
  return { said, io };
}

async function check(paths: readonly string[], json = false) {
  const { said, io } = capture();
  return { status: await checkCommand(paths, { json }, io), ...said };
}

test("what is near to an object says what it is, in one line", async () => {
  run("gcc", ["-O2", "-o", "program", "a.c"]);
  run("gcc", ["-O2", "-shared", "-fPIC", "-o", "library.so", "a.c"]);
  run("ar", ["rcs", "archive.a", "a.o"]);
  run("ar", ["rcsT", "thin.a", "a.o"]);
  run("clang-16", ["-flto", "-c", "-o", "bitcode.o", "a.c"]);
  writeFileSync(inDir("empty.o"), "");
  writeFileSync(inDir("mach.o"), Buffer.from("cffaedfe0700000103000000".padEnd(256, "0"), "hex"));
  writeFileSync(inDir("vmlinuz"), Buffer.from("4d5a".padEnd(256, "0"), "hex"));
  const cases: readonly [name: string, says: RegExp][] = [
    ["program", /a linked program or library, not a relocatable object \(\.o\)/],
    ["library.so", /a linked program or library, not a relocatable object \(\.o\)/],
    ["archive.a", /not an ELF file, but an archive: name the objects in it/],
    ["thin.a", /not an ELF file, but an archive: name the objects in it/],
    ["bitcode.o", /not an ELF file, but LLVM bitcode/],
    ["empty.o", /0 bytes are no ELF file/],
    ["mach.o", /not an ELF file, but Mach-O: /],
    ["vmlinuz", /not an ELF file, but PE: a kernel image/],
  ];
  for (const [name, says] of cases) {
    const checked = await check([inDir(name)]);
    const { said, io } = capture();
    const status = orcDumpCommand(inDir(name), {}, io);
    for (const each of [checked, { status, ...said }]) {
      assert.deepEqual([each.status, each.out], [2, ""], name);
      assert.match(each.err, /^objreview: [^\n]+\n$/, name);
      assert.match(each.err, says);
    }
  }
});

test("an object without code is not told to be wholly checked", async () => {
  const { status, out, err } = await check([inDir("nothing.o")]);
  assert.deepEqual([status, err], [0, ""]);
  assert.match(out, /^1 object: clean; no code to check; /);
});

test("what the configuration would decide is told to be left out", async () => {
  // The last line: where nothing is told, no list of another kernel can be at fault.
  assert.match((await check([inDir("a.o")])).out, /\nno kernel configuration given: [^\n]+\n$/);
});

test("bytes that are no instruction are printed as such", async () => {
  const source = join(fixtureFolder, "undecodable-instruction/bad.S");
  run("gcc", ["-Wa,-I", `-Wa,${fixtureFolder}`, "-c", "-o", "undecodable.o", source]);
  const { status, out, err } = await check([inDir("undecodable.o")]);
  assert.deepEqual([status, err], [1, ""]);
  assert.match(out, /^ +4 +\(bad\) .*here$/m);
  assert.match(
    out,
    /\nobjects of another kernel need --tree DIR: [^\n]+\n$/,
    "a finding may come of lists of another version",
  );
});

test("objects of another machine get their own disassembly, none of x86-64's unwind rows, and a word of caution", async () => {
  const object = (name: string): string => fileURLToPath(new URL(`../kernel/arm64/${name}.o`, import.meta.url));
  const clean = await check(["copy_to_user", "entry-fpsimd", "list_sort", "memcpy", "sort", "stacktrace"].map(object));
  assert.equal(clean.status, 0, clean.out);
  assert.equal(clean.err.match(/the rules are proved on objects of x86-64 alone/g)?.length, 6);
  const { out } = await check([object("entry")]);
  assert.match(out, /^ +[0-9a-f]+ +mov +sp, x9 /m);
  assert.doesNotMatch(out, /orc-inexpressible/);
});

test("the answer in JSON names what could not be checked, and a terminal is not written to by a name", async () => {
  const name = inDir("a\u001b[31mb\nc.o");
  copyFileSync(inDir("empty.o"), name);
  const { status, out, err } = await check([inDir("a.o"), name], true);
  assert.equal(status, 2);
  const answer = JSON.parse(out);
  assert.equal(answer.complete, false);
  assert.match(answer.checks, /^no kernel configuration given/);
  assert.deepEqual(
    answer.objects.map((each: { path: string }) => basename(each.path)),
    ["a.o"],
  );
  assert.deepEqual(Object.keys(answer.objects[0]), ["path", "findings", "coverage", "knownDefects"]);
  assert.deepEqual([answer.failed.length, answer.failed[0].path], [1, name]);
  assert.match(answer.failed[0].error, /0 bytes are no ELF file/);
  assert.match(err, /^objreview: [^\n]*a\\x1b\[31mb\\nc\.o: [^\n]+\n$/);
});

test("an answer that could not be written is none", () => {
  const full = openSync("/dev/full", "w");
  try {
    for (const args of [["check"], ["check", "--json"], ["orc", "dump"]]) {
      const command = [join(repositoryRoot, "src/cli.ts"), ...args, inDir("a.o")];
      const ran = spawnSync(process.execPath, command, { encoding: "utf8", stdio: ["ignore", full, "pipe"] });
      assert.equal(ran.status, 2, args.join(" "));
      assert.match(ran.stderr, /^objreview: cannot write the answer: ENOSPC[^\n]+\n$/);
    }
  } finally {
    closeSync(full);
  }
});

test("a linked module is judged without what its annotations would tell", async () => {
  writeFileSync(
    inDir("module.S"),
    `	.include "macros.inc"
FUNC warns
	ud2
	ANNOTATE_REACHABLE
	pushq	%rax
	ret
END warns
FUNC goes_on
	ud2
	ANNOTATE_REACHABLE
	ret
END goes_on
	.section .gnu.linkonce.this_module, "aw"
	.quad	0
`,
  );
  run("gcc", ["-Wa,-I", `-Wa,${fixtureFolder}`, "-c", "-o", "module.o", "module.S"]);
  const before = await check([inDir("module.o")]);
  assert.match(before.out, /warns\(\) returns with a modified stack frame/);
  // As scripts/module.lds.S has it.
  run("objcopy", ["--remove-section=.discard.*", "--remove-section=.rela.discard.*", "module.o", "module.ko"]);
  const { status, out } = await check([inDir("module.ko")]);
  assert.equal(status, 0, out);
  assert.match(
    out,
    /module\.ko: not checked: what annotations exempt or explain: the link of a module throws them away/,
  );
  assert.match(out, /warns: 2 bytes that no path reaches/);
});
