import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { forEachAddressTaken, isAddressTable, LandingPads } from "../../src/flow/landing-pads.ts";
import { checksWithoutConfig } from "../../src/rules/checks.ts";
import { analyzeText } from "../support/analyzed.ts";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";
import { treeFormats } from "../support/formats.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

/** "holder -> symbol+offset" of every address that is taken, in order; without a symbol the name of the section. */
function taken({ code }: BuiltFlow): string[] {
  const { sectionName, symbolName, symbols } = code.object;
  const found: string[] = [];
  forEachAddressTaken(code, ({ section, insn, symbol, toSection, toOffset }) => {
    const base = symbol === NONE ? (sectionName[toSection] as string) : (symbolName[symbol] as string);
    const offset = symbol === NONE ? toOffset : toOffset - (symbols.value[symbol] as number);
    found.push(`${insn === NONE ? "data" : "code"} ${sectionName[section]} -> ${base}+${offset}`);
  });
  return found;
}

test("what takes an address: immediates, stores with two relocations, addresses that the assembler knows; no branch does", () => {
  const b = assembleFlow(`
FUNC f
	movq	$far, (%rdi)
	leaq	far+8(%rip), %rax
	movq	$far, variable(%rip)
	call	far
	jmp	far
	je	far
	call	*pointer(%rip)
	leaq	near(%rip), %rax
	leaq	.Lend(%rip), %rax
	ret
near:	ret
.Lend:
END f`);
  const { size } = { size: b.code.object.sections.size[b.code.sections[0]!]! };
  assert.deepEqual(taken(b), [
    "code .text -> far+0",
    "code .text -> far+8",
    "code .text -> variable+0",
    "code .text -> far+0",
    `code .text -> .text+${size - 1}`,
    `code .text -> .text+${size}`,
  ]);
});

test("data holds addresses by 64-bit words and by distances; tables that are looked up do not count", () => {
  const b = assembleFlow(`
FUNC f
1:	movl	(%rdi), %eax
2:	ret
	EXTABLE	1b, 2b
	ANNOTATE_NOENDBR
END f
	.data
	.quad	f
	.quad	far + 4
	.long	far - .
	.section _kprobe_blacklist, "aw"
	.quad	f
	.section .discard.ibt_endbr_noseal, "aw"
	.quad	f`);
  assert.deepEqual(taken(b), [
    "data .data -> f+0",
    "data .data -> far+4",
    "data .data -> far+0",
    "data .discard.ibt_endbr_noseal -> f+0",
  ]);
});

test("sections whose references are looked up, patched or printed", () => {
  for (const name of [".debug_info", ".discard.noendbr", "__patchable_function_entries", ".orc_unwind_ip", ".sframe"])
    assert.equal(isAddressTable(name), true, name);
  for (const name of [".data", ".rodata", ".export_symbol", "__tracepoints", ".discard.ibt_endbr_noseal", ""])
    assert.equal(isAddressTable(name), false, name);
});

const SHAPES = `
FUNC padded
	endbr64
	movl	$1, %eax
	ret
END padded
	.globl	end_of_padded
end_of_padded:
	.type	follower, @function
follower:
	ret
	.size	follower, . - follower
FUNC exempt
	ANNOTATE_NOENDBR
	ret
END exempt
FUNC after_exempt
	ret
END after_exempt
	nop
FUNC last_exempt
	ANNOTATE_NOENDBR
	ret
END last_exempt
	.type	__pfx_prefixed, @function
__pfx_prefixed:
	nop
	.size	__pfx_prefixed, . - __pfx_prefixed
FUNC prefixed
	ret
END prefixed
	.data
variable:	.quad	0`;

test("what an indirect branch finds", () => {
  const b = assembleFlow(SHAPES);
  const pads = new LandingPads(b.flow);
  const { symbols, symbolName } = b.code.object;
  const at = (name: string, offset = 0, asNamed = true) => {
    const symbol = symbolName.indexOf(name);
    return pads.at(symbols.section[symbol]!, symbols.value[symbol]! + offset, asNamed ? symbol : NONE);
  };
  assert.equal(at("padded"), "pad");
  assert.equal(at("padded", 4), "none");
  assert.equal(at("padded", 5), "data", "inside of an instruction");
  assert.equal(at("exempt"), "exempt");
  assert.equal(at("variable"), "data");
  // Where one ends and another begins, the name that is used says which is meant.
  assert.equal(at("end_of_padded"), "bound");
  assert.equal(at("follower"), "none");
  assert.equal(at("follower", 0, false), "bound", "the label speaks for a bound");
  assert.equal(at("after_exempt"), "none");
  assert.equal(at("after_exempt", 0, false), "none", "nothing but the function is there");
  assert.equal(at("after_exempt", 1), "none", "its own function has no pad");
  assert.equal(at("__pfx_prefixed", 0, false), "bound", "nobody means the padding before the next one");
});

test("assembly that forms an address of its own is told where its tree annotates those, and only there", () => {
  const told = (annotation: string, annotatesOwnAddresses: boolean): string[] =>
    analyzeText(
      `start:\n\tHINT_END_OF_STACK\n\tleaq 1f(%rip), %rax\n\tud2\n${annotation}\n1:\tHINT_END_OF_STACK\n\tud2\n\t.size start, . - start`,
      {
        facts: { ...fixtureFacts, formats: treeFormats({ annotatesOwnAddresses }) },
        checks: { ...checksWithoutConfig, landingPads: true },
      },
    ).findings.map(({ rule }) => rule);
  assert.deepEqual(told("", false), []);
  assert.deepEqual(told("", true), ["landing-pad-code"]);
  assert.deepEqual(told("\tANNOTATE_NOENDBR", true), []);
});
