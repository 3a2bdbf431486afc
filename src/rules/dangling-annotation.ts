import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { defineRule } from "./rule.ts";

/** Sections that the kernel reads at boot or at run time; what is told by the others counts for tools alone. */
const PATCHED = /^(\.altinstructions|__jump_table|__ex_table) /;

export const danglingAnnotation = defineRule({
  id: "dangling-annotation",
  summary: "An entry of a special section names a place where no instruction begins.",
  severity: "warning",
  consequence: "what the entry says of its instruction counts for none",
  messages: {
    default: { text: "an entry of {section} names a place in or near {function}() where no instruction begins" },
    patched: {
      text: "an entry of {section} names a place in or near {function}() where no instruction begins",
      severity: "error",
    },
  },
  check(context, report) {
    const { marks, instead } = context.flow;
    const told = new Set<string>();
    for (const { what, near } of [...marks.dangling, ...instead.dangling]) {
      if (near === NONE) continue; // told in coverage: there is no code to point at
      const section = what.replace(/ .*$/, "");
      const owner = ownerOf(context.flow, near);
      const key = `${section} ${near}`;
      if (told.has(key)) continue;
      told.add(key);
      report({ message: PATCHED.test(what) ? "patched" : "default", at: near, owner, data: { section } });
    }
  },
});
