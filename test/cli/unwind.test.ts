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

async function run(path: string, name?: string, options: UnwindOptions = {}) {
  const said = { out: "", err: "" };
  const io = {
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
  };
  const status = await unwindCommand(path, name, options, io);
  return { status, ...said };
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

test("instructions and .debug_frame agree on what gcc made", async () => {
  const { status, out, err } = await run(build("plain", "nop"), "honest");
  assert.equal(err, "");
  const [heading, columns, first, ...rows] = out.split("\n");
  assert.match(heading!, /^honest\(\) {2}\.text\+0x0, \d+ bytes; in every row ra at CFA-8$/);
  assert.match(columns!, /^ {2}PC +first instruction +instructions +\.debug_frame$/);
  assert.match(first!, /^ {2}\+0x0 +\S+ .*\S {2,}CFA=rsp\+8 +same$/);
  assert.match(out, /\n0 of \d+ rows contradict the instructions; witnesses: instructions, \.debug_frame\n$/);
  for (const row of rows.filter((line) => line.startsWith("  +"))) {
    assert.equal(row.indexOf(" CFA="), columns!.indexOf(" instructions"), "one column below the other");
  }
  assert.equal(status, 0);
});

test("what inline assembly does to the stack is seen, and what it wrongly says", async () => {
  const object = build("pushed", "nop");
  const pushed = await run(object, "lying", { differences: true });
  assert.equal(pushed.status, 1);
  assert.match(pushed.out, /^lying\(\)/);
  // The row before, the row in which gcc knows nothing of the push, the row behind.
  assert.match(
    pushed.out,
    /\n {2}\.\.\.\n {2}\+\S+ .* CFA=rsp\+\d+.*same\n! \+\S+ +pop\S* %rax +CFA=rsp\+\d+.* wrong: CFA=rsp\+\d+\n {2}\+\S+ .*same\n {2}\.\.\.\n/,
  );
  assert.match(pushed.out, /\n1 of \d+ rows contradict/);

  const whole = await run(object, "lying");
  const json = JSON.parse((await run(object, "lying", { json: true })).out) as Told;
  const rows = whole.out.split("\n").flatMap((line) => /^([ !~]) (\+0x[0-9a-f]+) /.exec(line)?.slice(1) ?? []);
  const marks = json.functions.flatMap(({ start, ranges }) =>
    ranges.flatMap((range) => [range.differs ? "!" : " ", `+0x${(range.start - start).toString(16)}`]),
  );
  assert.deepEqual(rows, marks);

  // From here to the epilogue, where gcc says the whole offset again, the directive holds.
  const planted = await run(build("planted", ".cfi_adjust_cfa_offset 8"), "lying", { json: true });
  const told = JSON.parse(planted.out) as Told;
  assert.deepEqual(told.witnesses, ["instructions", "debug_frame"]);
  const { ranges } = told.functions[0]!;
  const differing = ranges.filter(({ differs }) => differs);
  assert.equal(told.differing, differing.length);
  assert.ok(differing.length >= 2, "the push, and what is behind the directive");
  const off = differing.at(-1)!.says.map((says) => Number(/^CFA=rsp\+(\d+)$/.exec(says!.cfa)?.[1]));
  assert.equal(off[1]! - off[0]!, 8);
});

test(".sframe and .orc_unwind stand beside them", async () => {
  const { out, status } = await run(build("sframe", "nop", ["-Wa,--gsframe"]), "honest");
  assert.match(out, /\n {2}PC +first instruction +instructions +\.debug_frame +\.sframe\n/);
  assert.match(out, /\n {2}\+0x0 .* same +same\n/);
  assert.equal(status, 0);
});

test("in a terminal no line is wider, whatever must wrap", async () => {
  const source = join(dir, "wide.s");
  const saved = ["rbx", "rbp", "r12", "r13", "r14", "r15"];
  const push = (register: string, n: number) =>
    `push %${register}\n.cfi_def_cfa_offset ${16 + 8 * n}\n.cfi_offset ${register}, -${16 + 8 * n}\n`;
  const pop = (register: string, n: number) =>
    `pop %${register}\n.cfi_def_cfa_offset ${8 + 8 * n}\n.cfi_restore ${register}\n`;
  const body = `${saved.map(push).join("")}call g\n${saved.map(pop).reverse().join("")}ret\n`;
  writeFileSync(source, `.globl f\n.type f, @function\nf: .cfi_startproc\n${body}.cfi_endproc\n.size f, .-f\n`);
  const object = join(dir, "wide.o");
  execFileSync("gcc", ["-c", source, "-o", object]);
  const wide = (await run(object, "f")).out;
  assert.match(wide, /rbx at CFA-16, rbp at CFA-24, r12 at CFA-32, r13 at CFA-40, r14 at CFA-48, r15 at CFA-56/);
  for (const columns of [60, 100, 140]) {
    const { out } = await run(object, "f", { columns });
    const table = out.split("\n").slice(0, -2);
    assert.ok(Math.max(...table.map((line) => line.length)) <= columns, out);
    assert.equal(out.includes("first instruction"), columns > 60);
    assert.deepEqual(out.match(/\br\w+ at CFA-\d+/g)?.sort(), wide.match(/\br\w+ at CFA-\d+/g)?.sort());
  }
});

test("what is not there is one line", async () => {
  const object = build("none", "nop");
  assert.deepEqual(await run(object, "nobody"), {
    status: 2,
    out: "",
    err: `objreview: ${object}: no function nobody in it\n`,
  });
  const text = join(dir, "text.o");
  writeFileSync(text, "no object");
  const { status, err } = await run(text);
  assert.equal(status, 2);
  assert.match(err, /^objreview: .*text\.o: [^\n]+\n$/);
});

test("hints of assembly, in code that is no function, with what control brings to them", async () => {
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
  const { status, out, err } = await run(object);
  assert.equal(err, "");
  assert.equal(
    out,
    `enter()  .text+0x0, 2 bytes; in every row signal, partial registers
  PC       first instruction  instructions  unwind hints
  +0x0     nop                CFA=rsp+8     same
! +0x1     hlt                CFA=rsp+16    wrong: CFA=rsp+16, control brings CFA=rsp+8, partial regs, signal

1 of 2 rows contradict the instructions; witnesses: instructions, unwind hints
`,
  );
  assert.equal(status, 1);
  const told = JSON.parse((await run(object, "enter", { json: true, differences: true })).out);
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
