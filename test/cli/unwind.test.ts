import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type UnwindOptions, unwindCommand } from "../../src/cli/unwind.ts";
import { fixtureFolder } from "../support/rule-fixtures.ts";

const dir = mkdtempSync(join(tmpdir(), "objreview-unwind-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const SOURCE = `
extern int use(int *);
int honest(int a) { int here[20]; here[a & 15] = a; return use(here) + a; }
int lying(int a) {
  int here[20];
  here[a & 15] = a;
  a += use(here);
  asm volatile("push %%rax\\n\\tpop %%rax\\n\\tPLANT" : : : "memory", "cc");
  return use(here) + a;
}
`;

function build(name: string, plant: string, flags: readonly string[] = []): string {
  const source = join(dir, `${name}.c`);
  writeFileSync(source, SOURCE.replace("PLANT", plant));
  const object = join(dir, `${name}.o`);
  const fixed = ["-O2", "-g", "-fno-asynchronous-unwind-tables", "-fno-PIE", "-mno-red-zone", "-fno-stack-protector"];
  execFileSync("gcc", [...fixed, ...flags, "-c", source, "-o", object]);
  return object;
}

function run(path: string, name?: string, options: UnwindOptions = {}) {
  const said = { out: "", err: "" };
  const io = {
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
  };
  return { status: unwindCommand(path, name, options, io), ...said };
}

interface Told {
  readonly witnesses: string[];
  readonly differing: number;
  readonly functions: {
    readonly name: string;
    readonly start: number;
    readonly end: number;
    readonly ranges: {
      readonly start: number;
      readonly end: number;
      readonly differs: boolean;
      readonly says: ({ readonly cfa: string; readonly registers: Record<string, string> } | null)[];
    }[];
  }[];
}

test("instructions and .debug_frame agree on what gcc made", () => {
  const { status, out, err } = run(build("plain", "nop"), "honest");
  assert.equal(err, "");
  assert.match(
    out,
    /^honest\(\) {2}\.text\+0x0, \d+ bytes\n {2}\+0x0 +instructions +CFA=rsp\+8, ra at CFA-8 {2}= \.debug_frame\n/,
  );
  assert.match(out, /0 of \d+ ranges contradict the instructions; witnesses: instructions, \.debug_frame\n$/);
  // The push inside of the inline assembly is nothing that gcc knows of, in the other function.
  assert.equal(status, 0);
});

test("what inline assembly does to the stack is seen, and what it wrongly says", () => {
  const pushed = run(build("pushed", "nop"), "lying", { differences: true });
  assert.equal(pushed.status, 1);
  assert.match(pushed.out, /^lying\(\)/);
  assert.match(
    pushed.out,
    /\n! \+0x[0-9a-f]+ +instructions +CFA=rsp\+(\d+).*\n +\.debug_frame +CFA=rsp\+\d+.*\(wrong in CFA\)\n/,
  );
  assert.match(pushed.out, /\n1 of \d+ ranges contradict/);

  // From here to the epilogue, where gcc says the whole offset again, the directive holds.
  const planted = run(build("planted", ".cfi_adjust_cfa_offset 8"), "lying", { json: true });
  const told = JSON.parse(planted.out) as Told;
  assert.deepEqual(told.witnesses, ["instructions", "debug_frame"]);
  const { ranges } = told.functions[0]!;
  const differing = ranges.filter(({ differs }) => differs);
  assert.equal(told.differing, differing.length);
  assert.ok(differing.length >= 2, "the push, and what is behind the directive");
  const off = differing.at(-1)!.says.map((says) => Number(/^CFA=rsp\+(\d+)$/.exec(says!.cfa)?.[1]));
  assert.equal(off[1]! - off[0]!, 8);
});

test(".sframe and .orc_unwind stand beside them", () => {
  const { out, status } = run(build("sframe", "nop", ["-Wa,--gsframe"]), "honest");
  assert.match(out, /= \.debug_frame \.sframe\n/);
  assert.equal(status, 0);
});

test("what is not there is one line", () => {
  const object = build("none", "nop");
  assert.deepEqual(run(object, "nobody"), {
    status: 2,
    out: "",
    err: `objreview: ${object}: no function nobody in it\n`,
  });
  const text = join(dir, "text.o");
  writeFileSync(text, "no object");
  const { status, err } = run(text);
  assert.equal(status, 2);
  assert.match(err, /^objreview: .*text\.o: [^\n]+\n$/);
});

test("hints of assembly, in code that is no function, with what control brings to them", () => {
  const source = join(dir, "hints.s");
  writeFileSync(
    source,
    `	.include "${fixtureFolder}/macros.inc"
enter:	HINT	4, 5, 8, 1
	nop
	HINT	4, 5, 16, 1
	hlt
	.size	enter, . - enter
`,
  );
  const object = join(dir, "hints.o");
  execFileSync("gcc", ["-c", source, "-o", object]);
  const { status, out, err } = run(object);
  assert.equal(err, "");
  assert.equal(
    out,
    `enter()  .text+0x0, 2 bytes
  +0x0     instructions   CFA=rsp+8, signal, partial registers  = hints
! +0x1     instructions   CFA=rsp+16, signal, partial registers
           hints          CFA=rsp+16, signal, partial registers  (wrong in CFA; control brings CFA=rsp+8, partial regs, signal)

1 of 2 ranges contradict the instructions; witnesses: instructions, hints
`,
  );
  assert.equal(status, 1);
  const told = JSON.parse(run(object, "enter", { json: true, differences: true }).out);
  const [{ ranges }] = told.functions;
  assert.deepEqual(
    [told.witnesses, ranges.length, ranges[0].says[1]],
    [
      ["instructions", "hints"],
      1,
      {
        cfa: "CFA=rsp+16",
        registers: {},
        flags: 17,
        wrong: ["CFA"],
        brought: [{ frame: "CFA=rsp+8, partial regs, signal", verdict: "wrong", why: "cfa-offset" }],
      },
    ],
  );
});
