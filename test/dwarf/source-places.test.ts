import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { readSourcePlaces } from "../../src/dwarf/source-places.ts";
import { compareWithAddr2line } from "./addr2line.ts";
import { asmSource, compile, inlineSource, openFile, scratchFolder } from "./objects.ts";

const folder = scratchFolder();

/** Section offsets of a section's instructions of that name, as objdump has them. */
function instructionOffsets(path: string, section: string, mnemonic: string): number[] {
  const listing = execFileSync("objdump", ["-d", "-j", section, path], { encoding: "utf8" });
  const lines = listing.matchAll(/^\s+([0-9a-f]+):\t[0-9a-f ]+\t(\S+)/gm);
  return [...lines].filter((line) => line[2] === mnemonic).map((line) => Number.parseInt(line[1] as string, 16));
}

// A level behind -gdwarf-N, which by itself means level 2.
const flagSets = [
  ["-O2", "-g1"],
  ["-O2", "-g"],
  ["-O2", "-gdwarf-5", "-g1"],
  ["-O2", "-gdwarf-4", "-g1"],
  ["-O2", "-gdwarf-4"],
  ["-O2", "-gdwarf-4", "-gdwarf64"],
  ["-O2", "-gdwarf-3"],
  ["-O2", "-gdwarf-2"],
  ["-O2", "-g1", "-ffunction-sections"],
  ["-O2", "-gdwarf-4", "-ffunction-sections"],
  ["-O0", "-g"],
  ["-Os", "-gdwarf-4", "-g3"],
];

for (const flags of flagSets) {
  test(`C of gcc ${flags.join(" ")}: every byte as addr2line has it`, () => {
    const result = compareWithAddr2line(compile(folder, "inline.c", inlineSource, flags), 1);
    assert.deepEqual(result.wrong, []);
    assert.equal(result.tolerated["first-file"], 0);
    assert.equal(result.tolerated["outside-unit"], 0);
    assert.equal(result.tolerated["no-lines"], 0);
    assert.ok(result.equal >= result.asked * 0.8, `${result.equal} of ${result.asked} equal`);
    assert.equal(result.deepest, 2);
  });
}

for (const flags of [
  ["-g"],
  ["-g1"],
  ["-gdwarf-4"],
  ["-gdwarf-3"],
  ["-gdwarf-2"],
  ["-Wa,-gdwarf-5"],
  ["-Wa,-gdwarf-3"],
]) {
  test(`assembly of gcc ${flags.join(" ")}: every byte as addr2line has it`, () => {
    const path = compile(folder, "entry.S", asmSource, flags);
    const result = compareWithAddr2line(path, 1);
    assert.deepEqual(result.wrong, []);
    assert.equal(result.equal + result.tolerated["symbol-name"], result.asked);
    const object = openFile(path);
    const places = readSourcePlaces(object, { stripPrefixes: [folder] });
    // stac stands in line 21; what a macro gives is at the line of its use.
    assert.deepEqual(places.find(object.findSection(".noinstr.text"), 0), {
      file: "entry.S",
      line: 21,
      column: 0,
      inlineStack: [],
    });
    assert.equal(places.find(object.findSection(".text"), 2)?.line, 10);
  });
}

test("64-bit DWARF 5, which addr2line cannot read, says what 32-bit DWARF says", () => {
  const narrow = openFile(compile(folder, "inline.c", inlineSource, ["-O2", "-gdwarf-5"]));
  const wide = openFile(compile(folder, "inline.c", inlineSource, ["-O2", "-gdwarf-5", "-gdwarf64"]));
  const narrowPlaces = readSourcePlaces(narrow);
  const widePlaces = readSourcePlaces(wide);
  for (const name of [".text", ".init.text", ".text.unlikely"]) {
    const section = narrow.findSection(name);
    for (let offset = 0; offset < (narrow.sections.size[section] as number); offset++) {
      const place = widePlaces.find(wide.findSection(name), offset);
      assert.ok(place);
      assert.deepEqual(place, narrowPlaces.find(section, offset));
    }
  }
});

test("the chain of inlined calls, by hand", () => {
  const path = compile(folder, "inline.c", inlineSource, ["-O2", "-g1"]);
  const object = openFile(path);
  const places = readSourcePlaces(object, { stripPrefixes: [`${folder}/`] });
  const init = object.findSection(".init.text");
  // Each nop stands for one inlined `leaf`.
  const [first, second] = instructionOffsets(path, ".init.text", "nop") as [number, number];
  const viaMiddle = places.find(init, first);
  assert.equal(viaMiddle?.file, "inline.c");
  assert.equal(viaMiddle?.line, 5);
  assert.deepEqual(viaMiddle?.inlineStack, [
    { function: "leaf", file: "inline.c", line: 11 },
    { function: "middle", file: "inline.c", line: 15 },
  ]);
  const direct = places.find(init, second);
  assert.equal(direct?.line, 5);
  assert.deepEqual(direct?.inlineStack, [{ function: "leaf", file: "inline.c", line: 16 }]);
  assert.deepEqual(places.findFunction(init, 0), { name: "init_one", file: "inline.c", line: 13 });

  // One function in two pieces: gcc moves the way to the cold calls into .text.unlikely.
  const cold = object.findSection(".text.unlikely");
  const piece = object.symbols.value[object.symbolName.indexOf("top.cold")] as number;
  const calls = instructionOffsets(path, ".text.unlikely", "call").filter((offset) => offset >= piece);
  assert.deepEqual(
    calls.slice(0, 2).map((offset) => places.find(cold, offset)),
    [
      { file: "inline.c", line: 21, column: 2, inlineStack: [{ function: "report", file: "inline.c", line: 28 }] },
      { file: "inline.c", line: 29, column: 4, inlineStack: [] },
    ],
  );
  assert.deepEqual(places.findFunction(cold, piece), { name: "top", file: "inline.c", line: 23 });
  const rare = instructionOffsets(path, ".text.unlikely", "nop")[0] as number;
  assert.deepEqual(
    places.find(cold, rare)?.inlineStack.map((call) => `${call.function}:${call.line}`),
    ["leaf:11", "middle:37"],
  );
  assert.deepEqual(places.findFunction(cold, rare), { name: "rare", file: "inline.c", line: 35 });
});

test("units of one object that ld -r joined keep their own files", () => {
  const one = compile(folder, "inline.c", inlineSource, ["-O2", "-g1"]);
  const two = compile(folder, "second.c", "int other(int a)\n{\n\treturn a * 3;\n}\n", ["-O2", "-gdwarf-4"]);
  const joined = join(folder, "joined.o");
  execFileSync("ld", ["-r", "-o", joined, one, two]);
  const result = compareWithAddr2line(joined, 1);
  assert.deepEqual(result.wrong, []);
  const object = openFile(joined);
  const places = readSourcePlaces(object, { stripPrefixes: [folder] });
  const symbol = object.symbolName.indexOf("other");
  const at = object.symbols.value[symbol] as number;
  assert.ok(at > 0);
  assert.deepEqual(places.findFunction(object.symbols.section[symbol] as number, at), {
    name: "other",
    file: "second.c",
    line: 1,
  });
});

test("paths are joined with the directory of the compilation, folded, and stripped", () => {
  for (const version of ["-gdwarf-4", "-gdwarf-5"]) {
    const map = `-ffile-prefix-map=${folder}=/objreview/out/x/..`;
    const object = openFile(compile(folder, "inline.c", inlineSource, ["-O2", version, "-g1", map]));
    const section = object.findSection(".init.text");
    assert.equal(readSourcePlaces(object).find(section, 0)?.file, "/objreview/out/inline.c");
    const options = { stripPrefixes: ["/objreview/src", "/objreview/out"] };
    assert.equal(readSourcePlaces(object, options).find(section, 0)?.file, "inline.c");
    const inside = readSourcePlaces(object, { stripPrefixes: ["/objreview/ou"] });
    assert.equal(inside.findFunction(section, 0)?.file, "/objreview/out/inline.c");
  }
});

// Bytes of fixtures/*.o -> line, inlined calls with the lines of their calls, function. llvm-symbolizer 16 says the same of
// .text; addr2line 2.40 does not apply DW_RLE_base_addressx and loses the `leaf` of line 31.
const clangPlaces: readonly [object: string, places: readonly [section: string, offset: number, wanted: string][]][] = [
  [
    "clang-x86_64.o",
    [
      [".text", 0x0c, "0  in top"],
      [".text", 0x20, "5 leaf@31 in top"],
      [".text", 0x21, "31  in top"],
      [".text", 0x3c, "21 report@28 in top"],
      [".text", 0x44, "29  in top"],
      [".text", 0x4c, "4 leaf@31 in top"],
      [".init.text", 0x02, "5 leaf@11 middle@15 in init_one"],
      [".init.text", 0x09, "5 leaf@16 in init_one"],
      [".text.unlikely.", 0x02, "5 leaf@11 middle@37 in rare"],
    ],
  ],
  [
    "clang-aarch64.o",
    [
      [".text", 0x1c, "0  in top"],
      [".text", 0x30, "5 leaf@31 in top"],
      [".text", 0x38, "6 leaf@31 in top"],
      [".text", 0x58, "21 report@28 in top"],
      [".text", 0x60, "29  in top"],
      [".text", 0x64, "4 leaf@31 in top"],
      [".init.text", 0x04, "5 leaf@11 middle@15 in init_one"],
      [".init.text", 0x08, "5 leaf@16 in init_one"],
      [".text.unlikely.", 0x08, "5 leaf@11 middle@37 in rare"],
    ],
  ],
];
for (const [name, wanted] of clangPlaces) {
  test(`${name} of clang -gline-tables-only, whose DWARF 5 names and places everything by index`, () => {
    const object = openFile(join(import.meta.dirname, "fixtures", name));
    const places = readSourcePlaces(object, { stripPrefixes: ["/src"] });
    for (const [sectionName, offset, text] of wanted) {
      const section = object.findSection(sectionName);
      const place = places.find(section, offset);
      assert.equal(place?.file, "inline.c");
      const stack = place?.inlineStack.map((call) => `${call.function}@${call.line}`).join(" ");
      const owner = places.findFunction(section, offset);
      assert.equal(`${place?.line} ${stack} in ${owner?.name}`, text, `${sectionName}+0x${offset.toString(16)}`);
      assert.equal(owner?.line, 0); // line tables only: no declarations
    }
  });
}

test("what an object does not say is undefined", () => {
  const plain = openFile(compile(folder, "inline.c", inlineSource, ["-O2", "-g0"]));
  const text = plain.findSection(".text");
  assert.equal(readSourcePlaces(plain).find(text, 0), undefined);
  assert.equal(readSourcePlaces(plain).findFunction(text, 0), undefined);
  const object = openFile(compile(folder, "inline.c", inlineSource, ["-O2", "-g1"]));
  const places = readSourcePlaces(object);
  assert.equal(places.find(object.findSection(".text"), object.sections.size[text] as number), undefined);
  assert.equal(places.find(object.findSection(".comment"), 0), undefined);
  assert.equal(places.find(-1, 0), undefined);
});

test("split DWARF keeps its lines; what only the .dwo file has is left out", () => {
  const object = openFile(compile(folder, "inline.c", inlineSource, ["-O2", "-gdwarf-5", "-gsplit-dwarf"]));
  const place = readSourcePlaces(object).find(object.findSection(".init.text"), 0);
  assert.equal(place?.file, join(folder, "inline.c"));
  assert.deepEqual(place?.inlineStack, []);
});

test("a debug section that cannot be read fails the question, not the opening", () => {
  const object = openFile(compile(folder, "inline.c", inlineSource, ["-O2", "-g1", "-gz=zlib"]));
  const places = readSourcePlaces(object);
  const ask = () => places.find(object.findSection(".text"), 0);
  assert.throws(ask, (error) => error instanceof FormatError && error.code === "unsupported");
  assert.throws(ask, FormatError);
});
