import { NONE } from "../base/table.ts";
import { compareTables, type TableDisagreement } from "../flow/table-witness.ts";
import type { Evidence } from "./finding.ts";
import { defineRule, type Report, type RuleContext } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const jumpTableDisagrees = defineRule({
  id: "jump-table-disagrees",
  summary: "What the compiler says of a jump table contradicts the instructions and the table itself.",
  severity: "warning",
  consequence: "whoever believes the annotation loses ways through the function, or follows some that do not exist",
  messages: {
    "too-short": {
      text: "{function}(): a jump's table is said to have fewer entries than the comparison before the jump lets through",
    },
    "goes-on": {
      text: "{function}(): a jump's table is said to have fewer entries than stand there for it",
    },
    "too-long": { text: "{function}(): a jump's table is said to have more entries than it has" },
    "no-jump": { text: "{function}(): no jump goes through a table that is said to be its own" },
    "not-said": { text: "{function}(): a jump goes through a table that is not said, though others are" },
    "other-table": { text: "{function}(): a jump is said to go through a table that its instructions do not lead to" },
  },
  check(context, report) {
    const { flow } = context;
    const { disagreements } = compareTables(flow.code, flow.functions, flow.tables);
    if (disagreements.length === 0) return;
    const unresolved = new Set(flow.unresolved.map((jump) => familyOf(context, jump)));
    const told = new Set<string>();
    for (const each of disagreements) {
      const isOfJump = "jump" in each;
      const owner = isOfJump ? (flow.functions.ofInsn[each.jump] as number) : each.function;
      const family = owner === NONE ? NONE : (flow.functions.table.parent[owner] as number);
      const isOurs = each.kind === "no-jump" || (each.kind === "other-table" && !flow.tables.resolved.has(each.jump));
      if (isOurs && (family === NONE || unresolved.has(family))) {
        // The jump may be one of those that no table was found for: then it is our reading that is not finished.
        if (family !== NONE) context.leftOut(family, LEFT_OUT);
        continue;
      }
      // Code that has no function, or that nothing leads to, is judged by other rules.
      const at = isOfJump ? each.jump : owner === NONE ? NONE : (flow.functions.table.firstInsn[owner] as number);
      if (at === NONE || owner === NONE || flow.marks.excluded[family] === 1) continue;
      const key = `${family} ${each.kind} ${words(each)}`;
      if (told.has(key)) continue;
      told.add(key);
      report(makeReport(context, each, at, owner));
    }
  },
});

const LEFT_OUT =
  "the compiler says a jump table of it, and through which table one of its jumps goes was not found: the two were not compared";

function familyOf({ flow }: RuleContext, insn: number): number {
  const f = flow.functions.ofInsn[insn] as number;
  return f === NONE ? NONE : (flow.functions.table.parent[f] as number);
}

function words(each: TableDisagreement): string {
  return `${"said" in each ? each.said : ""} ${"seen" in each ? each.seen : ""}`;
}

function makeReport(context: RuleContext, each: TableDisagreement, at: number, owner: number): Report {
  const { sectionName } = context.flow.code.object;
  const { section, offset } = "place" in each ? each.place : each;
  const table = `${sectionName[section]}+0x${offset.toString(16)}`;
  const evidence: Evidence[] = [];
  if ("said" in each) evidence.push({ witness: "annotation", says: `the table at ${table} has ${each.said} entries` });
  else if (each.kind === "other-table") evidence.push({ witness: "annotation", says: `it goes through ${table}` });
  if ("seen" in each)
    evidence.push({
      witness: "instructions",
      says:
        each.kind === "too-short"
          ? `${each.seen} values pass the comparison, and each finds an entry`
          : each.kind === "goes-on"
            ? `${each.seen} entries lead into the function, and no other table begins among them`
            : `${each.seen} entries of the table at ${table} lead into the function`,
    });
  // How many is left to the evidence: the count changes with every case that a switch gets.
  return { message: each.kind, at, owner, way: frameWay(context, at), evidence };
}
