import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { factsOfTexts } from "../../src/facts/tree-facts.ts";
import { readTreeFormats } from "../../src/facts/tree-formats.ts";
import {
  ALTERNATIVES_12,
  ALTERNATIVES_14,
  ANNOTATIONS_614,
  HINTS_END,
  HINTS_RENUMBERED,
  HINTS_SIGNAL_END,
  HINTS_TYPES,
} from "../../src/flow/formats.ts";
import {
  ORC_LAYOUT_END,
  ORC_LAYOUT_RENUMBERED,
  ORC_LAYOUT_SIGNAL_END,
  ORC_LAYOUT_TYPES,
} from "../../src/orc/layout.ts";
import { kernelBuildFolder } from "../support/kernel-objects.ts";

// What the headers of four ages define, in words of ours.

const OBJTOOL = "include/linux/objtool.h";
const TYPES = "include/linux/objtool_types.h";
const ORC = "arch/x86/include/asm/orc_types.h";
const ALTERNATIVE = "arch/x86/include/asm/alternative.h";

const defines = (prefix: string, names: string): string =>
  names
    .split(" ")
    .map((name, n) => `#define ${prefix}${name}\t${n}`)
    .join("\n");
const oldTypes = defines("UNWIND_HINT_TYPE_", "CALL REGS REGS_PARTIAL FUNC ENTRY SAVE RESTORE");
const newTypes = defines("UNWIND_HINT_TYPE_", "UNDEFINED END_OF_STACK CALL REGS REGS_PARTIAL FUNC SAVE RESTORE");
const orcTypes = defines("ORC_TYPE_", "UNDEFINED END_OF_STACK CALL REGS REGS_PARTIAL");
const registers = `${defines("ORC_REG_", "UNDEFINED PREV_SP DX DI BP SP R10 R13 BP_INDIRECT SP_INDIRECT")}\n#define ORC_REG_MAX 15`;
const renumbered = defines("ORC_REG_", "UNDEFINED AX DX SP BP DI R10 R13 PREV_SP SP_INDIRECT BP_INDIRECT");
const annotations = `${defines("ANNOTYPE_", "NONE NOENDBR RETPOLINE_SAFE INSTR_BEGIN INSTR_END UNRET_BEGIN IGNORE_ALTS INTRA_FUNCTION_CALL REACHABLE NOCFI")}
#define ANNOTYPE_DATA_SPECIAL 1`;
const hint = (flags: string): string => `struct unwind_hint { u32 ip; s16 sp_offset; u8 sp_reg; u8 type; ${flags} };`;
const orc = (bits: string): string => `struct orc_entry {
	s16 sp_offset;
	s16 bp_offset;
#if defined(__LITTLE_ENDIAN_BITFIELD)
	unsigned sp_reg:4;
	unsigned bp_reg:4;
	${bits}
#elif defined(__BIG_ENDIAN_BITFIELD)
	unsigned bp_reg:4;
	unsigned sp_reg:4;
	unsigned unused:8;
#endif
} __packed;`;
const shortAlternative =
  "struct alt_instr { s32 instr_offset; s32 repl_offset; u16 cpuid; u8 instrlen; u8 replacementlen; } __packed;";
const longAlternative = `struct alt_instr { s32 instr_offset; s32 repl_offset;
	union { struct { u32 cpuid: 16; u32 flags: 16; }; u32 ft_flags; };
	u8 instrlen; /* of the original */ u8 replacementlen; } __packed;`;

const trees = {
  "6.1": {
    [OBJTOOL]: `${hint("u8 end;")}\n${oldTypes}`,
    [ORC]: `${registers}\n${orc("unsigned type:2; unsigned end:1;")}`,
    [ALTERNATIVE]: shortAlternative,
  },
  "6.3": {
    [OBJTOOL]: `${hint("u8 signal; u8 end;")}\n${oldTypes}`,
    [ORC]: `${registers}\n${orc("unsigned type:2; unsigned signal:1; unsigned end:1;")}`,
    [ALTERNATIVE]: longAlternative,
  },
  "6.4": {
    [OBJTOOL]: `${hint("u8 signal;")}\n${newTypes}`,
    [ORC]: `${registers}\n${orcTypes}\n${orc("unsigned type:3; unsigned signal:1;")}`,
    [ALTERNATIVE]: longAlternative,
  },
  "6.14": {
    [OBJTOOL]: "#define UNWIND_HINT(type) nothing here counts any more",
    [TYPES]: `${hint("u8 signal;")}\n${newTypes}\n${annotations}`,
    [ORC]: `${registers}\n${orcTypes}\n${orc("unsigned type:3; unsigned signal:1;")}`,
    [ALTERNATIVE]: longAlternative,
  },
  renumbered: {
    [TYPES]: `${hint("u8 signal;")}\n${newTypes}\n${annotations}`,
    [ORC]: `${renumbered}\n${orcTypes}\n${orc("unsigned type:3; unsigned signal:1;")}`,
    [ALTERNATIVE]: longAlternative,
  },
} as const;

const reader = (files: Readonly<Record<string, string>>) => (path: string) => files[path];

test("five ages of headers give the formats that are known of them", () => {
  const expected = {
    "6.1": { hints: HINTS_END, alternatives: ALTERNATIVES_12, orc: ORC_LAYOUT_END },
    "6.3": { hints: HINTS_SIGNAL_END, alternatives: ALTERNATIVES_14, orc: ORC_LAYOUT_SIGNAL_END },
    "6.4": { hints: HINTS_TYPES, alternatives: ALTERNATIVES_14, orc: ORC_LAYOUT_TYPES },
    "6.14": { hints: HINTS_TYPES, alternatives: ALTERNATIVES_14, orc: ORC_LAYOUT_TYPES },
    renumbered: { hints: HINTS_RENUMBERED, alternatives: ALTERNATIVES_14, orc: ORC_LAYOUT_RENUMBERED },
  };
  for (const [age, files] of Object.entries(trees)) {
    const { source, orc: layout, annotations: types, ...rest } = readTreeFormats(reader(files))!;
    const { orc: wanted, ...formats } = expected[age as keyof typeof expected];
    assert.equal(source, "headers of the tree");
    assert.deepEqual(rest, { ...formats, forcesByFeature: true, annotatesOwnAddresses: false, assumed: [] }, age);
    assert.deepEqual({ ...layout, name: wanted.name }, wanted, age);
    assert.deepEqual(new Map([...types].sort()), ANNOTATIONS_614, age);
  }
});

test("what the tree's tool forces, and which addresses it looks at, is read from its sources", () => {
  const check = "tools/objtool/check.c";
  const special = "arch/x86/special.c";
  const say = (files: Readonly<Record<string, string>>) => {
    const { forcesByFeature, annotatesOwnAddresses } = readTreeFormats(reader({ ...trees["6.14"], ...files }))!;
    return { forcesByFeature, annotatesOwnAddresses };
  };
  assert.deepEqual(say({ [`tools/objtool/${special}`]: "case X86_FEATURE_SMAP:", [check]: "case INSN_CALL:" }), {
    forcesByFeature: true,
    annotatesOwnAddresses: false,
  });
  assert.deepEqual(say({ [`tools/objtool/${special}`]: "/* no features */", [check]: "case INSN_LEA_RIP:" }), {
    forcesByFeature: false,
    annotatesOwnAddresses: true,
  });
});

test("numbers of annotations are the tree's own", () => {
  const files = {
    ...trees["6.14"],
    [TYPES]: `${hint("u8 signal;")}\n${newTypes}\n#define ANNOTYPE_REACHABLE 77\n#define ANNOTYPE_NEWS 78`,
  };
  assert.deepEqual([...readTreeFormats(reader(files))!.annotations.keys()], [77]);
});

test("headers that say something else are named as assumed, not read wrongly", () => {
  const odd = {
    [OBJTOOL]: `${oldTypes}\nstruct unwind_hint { u64 ip; u8 type; };`,
    [ALTERNATIVE]: "struct alt_instr { u8 first; };",
    [ORC]: "",
  };
  const formats = readTreeFormats(reader(odd))!;
  assert.deepEqual(formats.assumed, [".discard.unwind_hints", ".altinstructions"]);
  assert.deepEqual([formats.hints, formats.alternatives, formats.orc], [HINTS_TYPES, ALTERNATIVES_14, undefined]);
  assert.equal(readTreeFormats(reader({})), undefined);
});

test("facts of a tree: lists and formats, for each place that the lists have stood in", () => {
  const check =
    'static const char *uaccess_safe_builtin[] = { "safe", NULL };\nstatic const char * const global_noreturns[] = { "stops" };';
  const old = factsOfTexts(reader({ ...trees["6.1"], "tools/objtool/check.c": check }))!;
  assert.deepEqual([[...old.noreturn], [...old.accessSafe], old.formats?.hints], [["stops"], ["safe"], HINTS_END]);
  const later = factsOfTexts(
    reader({ "tools/objtool/check.c": check, "tools/objtool/noreturns.h": "NORETURN(halts)" }),
  )!;
  assert.deepEqual([[...later.noreturn], later.formats], [["halts"], undefined]);
  assert.equal(factsOfTexts(reader(trees["6.1"])), undefined);
});

test("the kernel's own headers, 6.12", () => {
  const tree = join(kernelBuildFolder(), "source");
  const facts = factsOfTexts((path) =>
    existsSync(join(tree, path)) ? readFileSync(join(tree, path), "utf8") : undefined,
  )!;
  assert.ok(facts.noreturn.size >= 40 && facts.accessSafe.size >= 150);
  const { orc: layout, hints, alternatives, assumed } = facts.formats!;
  assert.deepEqual([hints, alternatives, assumed], [HINTS_TYPES, ALTERNATIVES_14, []]);
  assert.deepEqual({ ...layout, name: "" }, { ...ORC_LAYOUT_TYPES, name: "" });
});
