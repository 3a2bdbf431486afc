import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { readSourcePlaces } from "../../src/dwarf/source-places.ts";
import { openObject } from "../../src/elf/object.ts";
import { compileAgain } from "../support/compile-again.ts";
import { compareWithAddr2line } from "./addr2line.ts";
import { scratchFolder } from "./objects.ts";

const folder = scratchFolder();

interface Expectation {
  readonly object: string;
  readonly flags: readonly string[];
  readonly step: number;
  readonly deepest: number;
  /** Share of answers that equal addr2line's to the letter; assembly without .type is far below 1. */
  readonly equal: number;
}

// -gdwarf-N means level 2 unless a level follows it.
const expectations: readonly Expectation[] = [
  { object: "kernel/exit.o", flags: ["-g1"], step: 1, deepest: 5, equal: 0.9 },
  { object: "kernel/exit.o", flags: ["-gdwarf-4", "-g1"], step: 7, deepest: 5, equal: 0.9 },
  { object: "kernel/exit.o", flags: ["-gdwarf-4"], step: 7, deepest: 5, equal: 0.9 },
  { object: "kernel/fork.o", flags: ["-gdwarf-5"], step: 7, deepest: 5, equal: 0.9 },
  { object: "arch/x86/lib/copy_user_64.o", flags: ["-g"], step: 1, deepest: 0, equal: 1 },
  { object: "arch/x86/lib/copy_user_64.o", flags: ["-Wa,-gdwarf-3"], step: 1, deepest: 0, equal: 1 },
  { object: "arch/x86/entry/entry_64.o", flags: ["-g1"], step: 1, deepest: 0, equal: 0 },
];

for (const { object, flags, step, deepest, equal } of expectations) {
  test(`${object} ${flags.join(" ")}: as addr2line has it`, (t) => {
    const result = compareWithAddr2line(compileAgain(folder, object, flags), step);
    t.diagnostic(`${result.asked} asked, ${result.equal} equal, ${result.inlined} inlined, deepest ${result.deepest}`);
    t.diagnostic(`tolerated ${JSON.stringify(result.tolerated)}`);
    assert.deepEqual(result.wrong, []);
    assert.ok(result.asked > 100);
    assert.ok(result.equal >= equal * result.asked, `${result.equal} of ${result.asked} equal`);
    assert.ok(result.deepest >= deepest, `inlined ${result.deepest} deep`);
  });
}

test("the first place of kernel/fork.o with all its debug information and all later ones read no byte twice", (t) => {
  const bytes = readFileSync(compileAgain(folder, "kernel/fork.o", ["-g"]));
  let read = 0;
  const source = bytesSource(bytes);
  const elf = openObject({
    size: source.size,
    read: (offset, length) => {
      read += length;
      return source.read(offset, length);
    },
  });
  const places = readSourcePlaces(elf);
  const text = elf.findSection(".text");
  const opened = read;
  const place = places.find(text, 0x400);
  assert.ok(place !== undefined && place.line > 0);
  const first = read - opened;
  for (let offset = 0; offset < 20_000; offset++) places.find(text, offset);
  t.diagnostic(
    `of ${bytes.length} bytes ${opened} at opening, ${first} for the first place, ${read - opened - first} for 20,000 more`,
  );
  assert.ok(read <= bytes.length);
});
