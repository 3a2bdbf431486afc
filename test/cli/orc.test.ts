import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { type OrcCommandOptions, orcDiffCommand, orcDumpCommand } from "../../src/cli/orc.ts";
import { openObject } from "../../src/elf/object.ts";
import { readKernelConfig } from "../../src/kernel/kernel-config.ts";
import { isDelayed, objectToolFlags } from "../../src/kernel/object-tool.ts";
import { orcRegisterWord, orcTypeWord } from "../../src/orc/constants.ts";
import type { OrcRow } from "../../src/unwind/orc-words.ts";
import { kernelBuildFolder } from "../support/kernel-objects.ts";

// `objreview orc` over objects of a kernel, before and after that kernel's own tool has been over them.

const dir = mkdtempSync(join(tmpdir(), "objreview-orc-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const build = kernelBuildFolder();
const tree = join(build, "source");
const kernelConfig = join(build, ".config");
const config = readKernelConfig(readFileSync(kernelConfig, "utf8"));

/** A copy of an object of the build with the rows that the kernel's tool writes. */
function processed(object: string): string {
  const copy = join(dir, object.replaceAll("/", "_"));
  copyFileSync(join(build, object), copy);
  const flags = objectToolFlags(config, isDelayed(config), "object").filter((flag) => flag !== "--dry-run");
  execFileSync(join(build, "tools/objtool/objtool"), [...flags, copy], { stdio: ["ignore", "ignore", "pipe"] });
  return copy;
}

function run(command: typeof orcDumpCommand, path: string, options: OrcCommandOptions = {}) {
  const said = { out: "", err: "" };
  const io = {
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
  };
  return { status: command(path, options, io), ...said };
}

const diff = (path: string, options: OrcCommandOptions = {}) =>
  run(orcDiffCommand, path, { tree, kernelConfig, ...options });
const dump = (path: string, options: OrcCommandOptions = {}) =>
  run(orcDumpCommand, path, { tree, kernelConfig, ...options });

/** What docs/formats/orc.md promises of every row. */
function checkRow(row: OrcRow): void {
  assert.deepEqual(Object.keys(row), ["section", "offset", "spReg", "spOffset", "bpReg", "bpOffset", "type", "signal"]);
  assert.ok(orcRegisterWord.includes(row.spReg) && orcRegisterWord.includes(row.bpReg), JSON.stringify(row));
  assert.ok(orcTypeWord.includes(row.type), JSON.stringify(row));
  assert.equal(typeof row.signal, "boolean");
  for (const number of [row.offset, row.spOffset, row.bpOffset]) assert.ok(Number.isInteger(number));
  assert.ok(row.offset >= 0 && row.section !== "");
}

const objects = [
  "arch/x86/entry/entry_64.o",
  "arch/x86/entry/entry.o",
  "arch/x86/entry/entry_64_compat.o",
  "arch/x86/entry/common.o",
  "arch/x86/lib/hweight.o",
  "arch/x86/lib/memmove_64.o",
  "arch/x86/lib/copy_user_64.o",
  "arch/x86/lib/getuser.o",
  "arch/x86/lib/retpoline.o",
  "arch/x86/kernel/head_64.o",
  "arch/x86/kernel/relocate_kernel_64.o",
  "kernel/exit.o",
  "kernel/fork.o",
  "lib/vsprintf.o",
  "mm/memory.o",
];

for (const object of objects) {
  test(`${object}: ours are the rows that the kernel's own tool writes`, () => {
    const path = processed(object);
    const { status, out, err } = diff(path, { json: true });
    assert.equal(err, "");
    const { ours, theirs, differences, instructions, differing, version, layout } = JSON.parse(out);
    assert.deepEqual([status, differing, differences, version], [0, 0, [], "1.0"]);
    assert.ok(instructions > 20);
    assert.match(layout, /^layout of kernels .*, by the tree$/);
    for (const row of [...ours, ...theirs]) checkRow(row);
    assert.deepEqual(ours, theirs);
    // The object as the compiler left it has the same rows: the configuration says which padding goes with a function.
    const raw = dump(join(build, object), { json: true });
    assert.deepEqual(JSON.parse(raw.out).rows, theirs);
    // Without a tree and a configuration the rows and the prefix symbols say it.
    assert.equal(run(orcDiffCommand, path).status, 0);
  });
}

test("code that is all left to its author has no rows on either side", () => {
  const path = processed("arch/x86/platform/efi/efi_thunk_64.o");
  const { status, out, err } = diff(path);
  assert.deepEqual([status, err], [0, ""]);
  assert.match(out, /^0 of \d+ instructions differ \(0 rows of ours, 0 of theirs; no rows\)\n$/);
});

test("an object whose rows were changed: which instructions, and what each side says", () => {
  const path = processed("arch/x86/lib/hweight.o");
  const bytes = readFileSync(path);
  const object = openObject(bytesSource(bytes));
  const section = object.findSection(".orc_unwind");
  const { theirs: before } = JSON.parse(diff(path, { json: true }).out);
  const at = before.findIndex((row: OrcRow) => row.spOffset === 16);
  const place = object.sections.fileOffset[section]! + 6 * at;
  assert.equal(bytes.readInt16LE(place), 16);
  bytes.writeInt16LE(24, place);
  writeFileSync(path, bytes);

  const { status, out } = diff(path, { json: true });
  const { ours, theirs, differences, differing, instructions } = JSON.parse(out);
  assert.deepEqual([status, ours[at].spOffset, theirs[at].spOffset, differences.length], [1, 16, 24, 1]);
  const { section: home, offset, ...row } = before[at];
  assert.deepEqual(differences[0], {
    section: home,
    offset,
    instructions: differing,
    function: "__sw_hweight32",
    ours: row,
    theirs: { ...row, spOffset: 24 },
  });
  assert.ok(differing >= 1);

  const text = diff(path);
  assert.equal(text.status, 1);
  const lines = text.out.trimEnd().split("\n");
  assert.match(lines[0]!, /^\.text\+0x[0-9a-f]+ \(__sw_hweight32\+0x[0-9a-f]+\), \d+ instructions?$/);
  assert.equal(lines[1], "  ours   call sp:sp+16 bp:unchanged");
  assert.equal(lines[2], "  theirs call sp:sp+24 bp:unchanged");
  assert.equal(
    lines[3],
    `${differing} of ${instructions} instructions differ (${ours.length} rows of ours, ${theirs.length} of theirs; layout of kernels of the tree, by the tree)`,
  );
});

test("dump: one line a row, with the symbol that covers it; the object's own rows when asked for", () => {
  const path = processed("arch/x86/lib/hweight.o");
  const { status, out, err } = dump(path);
  assert.deepEqual([status, err], [0, ""]);
  assert.match(out, /^\.text\+0x0 \(__pfx___sw_hweight32\+0x0\): call sp:sp\+8 bp:unchanged\n/);
  assert.equal(dump(path, { theirs: true }).out, out);
  const { whose, rows, object, version } = JSON.parse(dump(path, { theirs: true, json: true }).out);
  assert.deepEqual([whose, object, version], ["theirs", path, "1.0"]);
  assert.equal(rows.length, out.trimEnd().split("\n").length);
  for (const row of rows) checkRow(row);
});

test("what cannot be done is one line and status 2", () => {
  const raw = join(build, "arch/x86/lib/hweight.o");
  for (const { status, out, err } of [diff(raw), diff(raw, { json: true }), dump(raw, { theirs: true })]) {
    assert.deepEqual([status, out], [2, ""]);
    assert.match(err, /^objreview: [^\n]*hweight\.o: holds no \.orc_unwind: [^\n]*\n$/);
  }
  const path = processed("arch/x86/lib/hweight.o");
  const bytes = readFileSync(path);
  const section = openObject(bytesSource(bytes)).findSection(".orc_unwind");
  const fileOffset = openObject(bytesSource(bytes)).sections.fileOffset[section]!;
  bytes.writeUInt16LE(0xffff, fileOffset + 4);
  writeFileSync(path, bytes);
  const broken = diff(path);
  assert.equal(broken.status, 2);
  assert.match(broken.err, /^objreview: [^\n]*: ORC \.orc_unwind at offset 0x4: row 0 has fields 0xffff, [^\n]*\n$/);
  assert.equal(dump(join(dir, "nowhere.o")).status, 2);
  writeFileSync(join(dir, "text.o"), "not an object\n".repeat(20));
  assert.match(dump(join(dir, "text.o")).err, /^objreview: [^\n]*not an ELF file[^\n]*\n$/);
});

test("an object of another machine has no ORC here", () => {
  const arm = new URL("../kernel/arm64/", import.meta.url).pathname;
  const name = readdirSync(arm).find((each) => each.endsWith(".o"))!;
  const { status, err } = dump(join(arm, name));
  assert.equal(status, 2);
  assert.match(err, /arm64 has no ORC here/);
});
