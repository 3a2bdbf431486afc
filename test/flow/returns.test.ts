import assert from "node:assert/strict";
import { test } from "node:test";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";

const never = (b: BuiltFlow): string[] =>
  [...b.functions.table.symbol.keys()]
    .filter((f) => b.returns.neverReturns[f] === 1)
    .map((f) => b.nameOf(f))
    .sort();

const assumed = (b: BuiltFlow): string[] => [...b.returns.assumed].map((s) => b.code.object.symbolName[s]!).sort();

const local = (name: string, body: string): string => `
	.type	${name}, @function
${name}:
	${body}
	.size	${name}, . - ${name}`;

test("never-returning spreads over tail calls, and circles of them never return", () => {
  const b = assembleFlow(
    [
      local("stops", "ud2"),
      local("to_stops", "jmp stops"),
      local("two_steps", "jmp to_stops"),
      local("circle_a", "jmp circle_b"),
      local("circle_b", "jmp circle_a"),
      local("spins", "jmp spins"),
      local("returns", "ret"),
      local("to_returns", "jmp returns"),
      local("either", "je to_stops; jmp to_returns"),
      local("circle_out", "je returns; jmp circle_in"),
      local("circle_in", "jmp circle_out"),
    ].join(""),
  );
  assert.deepEqual(never(b), ["circle_a", "circle_b", "spins", "stops", "to_stops", "two_steps"]);
});

test("a long chain of tail calls is solved in any order", () => {
  const chain = Array.from({ length: 200 }, (_, n) => local(`link_${n}`, `jmp link_${n + 1}`));
  const b = assembleFlow(`${chain.join("")}${local("link_200", "ret")}`);
  assert.deepEqual(never(b), []);
  const dead = assembleFlow(`${chain.reverse().join("")}${local("link_200", "ud2")}`);
  assert.equal(never(dead).length, 201);
});

test("calls end their path when the callee never returns", () => {
  const b = assembleFlow(`
${local("stops", "ud2")}
	.weak	weak_stops
${local("weak_stops", "ud2")}
FUNC caller
	je	1f
	je	2f
to_local: call stops
1:
to_weak: call weak_stops
2:
to_unknown: call elsewhere
to_listed: call never_back
END caller`);
  const dead = (symbol: string): number => Number(b.returns.deadCall.has(b.at(symbol)));
  assert.equal(dead("to_local"), 1);
  // Another body may replace a weak one at the link.
  assert.equal(dead("to_weak"), 0);
  assert.equal(dead("to_unknown"), 0);
  assert.equal(dead("to_listed"), 1);
  assert.deepEqual(assumed(b), ["elsewhere"]);
  assert.deepEqual(never(b), ["caller", "stops"]);
});

test("the list decides for global functions, also against their body, and never for local ones", () => {
  const listed = new Set(["global_one", "local_one"]);
  const b = assembleFlow(
    `
FUNC global_one
	ret
END global_one
${local("local_one", "ret")}
FUNC caller
	je	1f
to_global: call	global_one
1:
to_local: call	local_one
	ret
END caller`,
    (symbol) => (listed.has(symbol) ? true : undefined),
  );
  assert.ok(b.returns.deadCall.has(b.at("to_global")));
  assert.ok(!b.returns.deadCall.has(b.at("to_local")));
});

test("what the unit's other objects say counts both ways, and nothing is assumed then", () => {
  const known = new Map([
    ["far_stops", true],
    ["far_returns", false],
  ]);
  const b = assembleFlow(
    `
FUNC tail_stops
	jmp	far_stops
END tail_stops
FUNC tail_returns
	jmp	far_returns
END tail_returns
FUNC tail_unknown
	jmp	far_unknown
END tail_unknown
FUNC pointer
	jmp	*%rax
END pointer`,
    (symbol) => known.get(symbol),
  );
  assert.deepEqual(never(b), ["tail_stops"]);
  assert.deepEqual(assumed(b), ["far_unknown"]);
});

test("a return in the cold part is a return of the function", () => {
  const b = assembleFlow(`
${local("parent", "jmp parent.cold")}
${local("parent.cold", "ret")}
${local("stuck", "jmp stuck.cold")}
${local("stuck.cold", "ud2")}`);
  assert.deepEqual(never(b), ["stuck", "stuck.cold"]);
});

test("an annotated call goes on behind itself, whatever its callee is", () => {
  const b = assembleFlow(`
FUNC f
	call	never_back
	ANNOTATE_REACHABLE
	ret
END f`);
  assert.ok(!b.returns.deadCall.has(b.at("f")));
  assert.deepEqual(b.frames.events, []);
});
