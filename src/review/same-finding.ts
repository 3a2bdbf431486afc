import type { Compared } from "../analyze/compare.ts";
import type { Blamed } from "./walk.ts";

// Which finding of one profile is the same defect as one of another.

/** Findings that the series brought and that are worth telling. */
export function speaks(compared: Compared): boolean {
  return compared.class === "new" || compared.class === "worsened";
}

/** Findings of one profile -> what is equal for the same ones of another: the fingerprint holds nothing that a compiler chooses. */
export function findingKeys(blamed: readonly Blamed[]): Map<Blamed, string> {
  const seen = new Map<string, number>();
  const keys = new Map<Blamed, string>();
  for (const item of blamed) {
    const { finding, object, class: kind } = item.compared;
    // What one compiler made worse another may have made from nothing.
    const news = speaks(item.compared) ? "news" : kind;
    const base = `${news}\n${object}\n${finding.fingerprint}\n${item.repairedBy ?? ""}`;
    const nth = seen.get(base) ?? 0;
    seen.set(base, nth + 1);
    keys.set(item, `${base}\n${nth}`);
  }
  return keys;
}
