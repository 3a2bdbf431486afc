// node scripts/compare-orc.ts BUILD TREE [OBJECT]...   every row of .orc_unwind as the tree's own tool dumps it (objtool --dump=orc) and as ours reads it,
// of the named objects of a build, or of all of them. A difference is told and counted; the exit status is 1 then.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesSource } from "../src/base/bytes.ts";
import { NONE } from "../src/base/table.ts";
import { openObject } from "../src/elf/object.ts";
import { factsOfTexts } from "../src/facts/tree-facts.ts";
import {
  ORC_REG_BP_INDIRECT,
  ORC_REG_PREV_SP,
  ORC_REG_SP_INDIRECT,
  ORC_REG_UNDEFINED,
  ORC_TYPE_END_OF_STACK,
  ORC_TYPE_REGS,
  ORC_TYPE_REGS_PARTIAL,
  ORC_TYPE_UNDEFINED,
  orcRegisterName,
} from "../src/orc/constants.ts";
import { chooseOrcLayout, ORC_SECTION, type OrcTable, readOrcRows } from "../src/orc/rows.ts";
import { memberObjects } from "./parity/objects.ts";

const [build, tree, ...named] = process.argv.slice(2);
if (build === undefined || tree === undefined) throw new Error("a build folder and its tree are wanted");
const facts = factsOfTexts((path) =>
  existsSync(join(tree, path)) ? readFileSync(join(tree, path), "utf8") : undefined,
);

/** tools/objtool/orc_dump.c, what it prints of a register and of a type */
function placeText(register: number, offset: number): string {
  const by = offset < 0 ? String(offset) : `+${offset}`;
  if (register === ORC_REG_UNDEFINED) return "(und)";
  if (register === ORC_REG_BP_INDIRECT) return `(bp${by})`;
  if (register === ORC_REG_SP_INDIRECT) return `(sp)${by}`;
  if (register === ORC_REG_PREV_SP) return `prevsp${by}`;
  return `${(orcRegisterName[register] as string).replace(/^r(?=[a-z])/, "")}${by}`;
}

function ourRow(orc: OrcTable, row: number, isOld: boolean): string {
  const type = orc.type[row] as number;
  const sp = placeText(orc.spReg[row] as number, orc.spOffset[row] as number);
  const bp = placeText(orc.bpReg[row] as number, orc.bpOffset[row] as number);
  const word = new Map([
    [ORC_TYPE_UNDEFINED, "(und)"],
    [ORC_TYPE_END_OF_STACK, "end"],
    [ORC_TYPE_REGS, "regs"],
    [ORC_TYPE_REGS_PARTIAL, "regs (partial)"],
  ]);
  if (!isOld) return `type:${word.get(type) ?? "call"} sp:${sp} bp:${bp} signal:${orc.signal[row]}`;
  // Up to 6.3 the two are no types: sp is undefined, and `end` tells them apart.
  const isCall = type === ORC_TYPE_UNDEFINED || type === ORC_TYPE_END_OF_STACK;
  const end = type === ORC_TYPE_END_OF_STACK ? 1 : 0;
  return `sp:${sp} bp:${bp} type:${isCall ? "call" : (word.get(type) ?? "call")} end:${end}`;
}

let objects = 0;
let rows = 0;
let different = 0;
for (const member of named.length > 0 ? named : memberObjects(build)) {
  const path = join(build, member);
  const object = openObject(bytesSource(new Uint8Array(readFileSync(path))));
  if (object.findSection(ORC_SECTION) === NONE) continue;
  const orc = readOrcRows(object, chooseOrcLayout(object, facts?.formats?.orc).layout);
  const tool = join(build, "tools/objtool/objtool");
  const text = execFileSync(tool, ["--dump=orc", path], { encoding: "utf8", maxBuffer: 1 << 30 });
  const theirs = new Map<string, string>();
  for (const line of text.trim().split("\n")) {
    const [, place, says] = /^([^:]+\+[0-9a-f]+): ?(.*)$/.exec(line) ?? [];
    if (place === undefined || says === undefined) throw new Error(`${path}: ${line}`);
    theirs.set(place, says.trim());
  }
  const isOld = / end:[01]$/m.test(text);
  const wrong: string[] = [];
  for (let row = 0; row < orc.length; row++) {
    const place = `${object.sectionName[orc.section[row] as number]}+${(orc.offset[row] as number).toString(16)}`;
    const ours = ourRow(orc, row, isOld);
    if (theirs.get(place) !== ours) wrong.push(`${place}: ours ${ours}, theirs ${theirs.get(place)}`);
    theirs.delete(place);
  }
  for (const [place, says] of theirs) wrong.push(`${place}: theirs alone, ${says}`);
  objects++;
  rows += orc.length;
  if (wrong.length === 0) continue;
  different++;
  process.exitCode = 1;
  console.log(`${member}: ${wrong.length} rows differ, as ${wrong[0]}`);
}
console.log(`${build}: ${objects} objects with ${rows} rows, ${different} objects differ`);
