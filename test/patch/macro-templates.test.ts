import assert from "node:assert/strict";
import { test } from "node:test";
import { MacroTemplates } from "../../src/patch/macro-templates.ts";
import { cpuMillis } from "../support/cpu-time.ts";

function definedBy(...headers: string[]): Map<string, readonly string[]> {
  const templates = new MacroTemplates();
  for (const text of headers) templates.add(text);
  return new Map([...templates.definitions()].map(({ name, needs }) => [name, needs]));
}

test("functions that a macro makes are known by the names that it pastes together, whichever header is read first", () => {
  const users = "BUFFER_FNS(JBD, jbd)\nTAS_FNS(Odd, odd);\nunknown(call)\n";
  const macros =
    "#define BUFFER_FNS(bit, name) \\\nstatic inline void set_##name(int *b)\\\n{ \\\n\tset_bit(BH_##bit, b); \\\n} \\\n" +
    "static inline int is_##name(int *b)\\\n{ \\\n\treturn test(BH_##bit); \\\n}\n" +
    "#define TAS_FNS(bit, name) BUFFER_FNS(bit, name)\n";
  const found = definedBy(users, macros);
  assert.deepEqual([...found.keys()], ["set_jbd", "is_jbd", "set_odd", "is_odd"]);
  assert.ok(found.get("is_jbd")?.includes("BH_JBD") && found.get("is_jbd")?.includes("BUFFER_FNS"));
  assert.ok(found.get("set_odd")?.includes("TAS_FNS"));
});

test("macros that call themselves or grow with every step end", () => {
  const began = cpuMillis();
  definedBy("#define A(x) A(x) A(x)\n#define B(x) C(x##x) C(x##x) C(x)\n#define C(x) B(x##x) B(x) B(x)\nA(a)\nB(b)\n");
  const calls = "GROW(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)\n".repeat(20_000);
  definedBy(`#define GROW(x) static inline x##${"x##".repeat(500)}x(void) { }\n${calls}`);
  assert.ok(cpuMillis() - began < 10_000);
});
