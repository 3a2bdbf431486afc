import lists from "./built-in-lists.json" with { type: "json" };

/** The lists of one kernel version, for objects that come without their tree. Reports say that these were used. */
export const builtInFacts = {
  source: `built-in lists of ${lists.version} (no --tree given)`,
  noreturn: new Set(lists.noreturn),
  accessSafe: new Set(lists.accessSafe),
} as const;
