import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { readNoreturnFunctions } from "../../src/dwarf/noreturn.ts";
import { readSourcePlaces } from "../../src/dwarf/source-places.ts";
import { compile, openFile, scratchFolder } from "./objects.ts";

const source = `
extern void die_elsewhere(int code) __attribute__((noreturn));
extern void comes_back(int code);
extern void unused_declaration(void) __attribute__((noreturn));
static inline __attribute__((noreturn)) void die_inline(int code) { die_elsewhere(code); }
static __attribute__((noreturn, noinline)) void die_here(int code) { for (;;) comes_back(code); }
__attribute__((noreturn)) void die_global(int code) { die_here(code + 1); }
__attribute__((noreturn)) void renamed(void) __asm__("real_name");
void renamed(void) { for (;;) ; }
int caller(int code) { if (code) die_inline(code); if (code == 2) die_global(code); comes_back(code); return 0; }
`;

for (const [compiler, flags] of [
  ["gcc", ["-g", "-O2", "-gdwarf-5"]],
  ["gcc", ["-g", "-O2", "-gdwarf-4"]],
  ["clang-16", ["-g", "-O2"]],
] as const) {
  test(`what never returns, as ${compiler} ${flags.join(" ")} says it`, () => {
    const folder = scratchFolder();
    let path = compile(folder, "noreturn.c", source, flags);
    if (compiler !== "gcc") {
      path = `${path}.clang.o`;
      execFileSync(compiler, [...flags, "-c", "noreturn.c", "-o", path], { cwd: folder });
    }
    const object = openFile(path);
    const places = readSourcePlaces(object);
    const found = new Map(
      readNoreturnFunctions(object).map(({ entry, ...each }) => {
        const lines = source.split("\n");
        const text = lines[(places.declarationAt(entry)?.line ?? 0) - 1];
        assert.match(text ?? "", new RegExp(`\\b${each.name === "real_name" ? "renamed" : each.name}\\(`), "its line");
        return [each.name, each];
      }),
    );
    assert.deepEqual(found.get("die_here"), { name: "die_here", isExternal: false, isDefined: true });
    assert.deepEqual(found.get("die_global"), { name: "die_global", isExternal: true, isDefined: true });
    assert.deepEqual(found.get("real_name"), { name: "real_name", isExternal: true, isDefined: true });
    assert.equal(found.has("comes_back"), false);
    assert.equal(found.has("caller"), false);
    // clang leaves declarations out that nothing but calls refer to; gcc keeps those that are called.
    if (compiler === "gcc")
      assert.deepEqual(found.get("die_elsewhere"), { name: "die_elsewhere", isExternal: true, isDefined: false });
  });
}

test("nothing is known without debug information", () => {
  const folder = scratchFolder();
  assert.deepEqual(readNoreturnFunctions(openFile(compile(folder, "noreturn.c", source, ["-O2"]))), []);
});
