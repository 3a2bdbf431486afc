// Which suggested changes are offered. A click commits one, and a review may come from a machine that ran the patch: what is offered is of
// the few forms that objreview proposes, and leaves the lines that it is about as they are.
// Source of the names: include/linux/linkage.h, include/linux/objtool.h, tools/objtool/noreturns.h.

import type { ReviewFinding, ReviewFix } from "../report/result.ts";
import type { DiffPlaces } from "./diff-places.ts";

const NORETURN_LIST = "tools/objtool/noreturns.h";
/** Lines that may come. The name of a symbol is all that varies. */
const ADDED = [
  /^\s*ANNOTATE_INTRA_FUNCTION_CALL$/,
  /^SYM_(?:FUNC|CODE)_END\((\w+)\)$/,
  /^SYM_FUNC_START_LOCAL\((\w+)\)$/,
  /^\t\.size (\w+), \. - \1$/,
];
const LISTED = /^NORETURN\(\w+\)$/;
/** The one line that may go: a bare label, for the macro that says it. */
const LABEL = /^\s*(\w+):\s*$/;
const MAX_LINES = 80;
const PLAIN = /^[\t\x20-\x7e]{0,200}$/;

/** The finding's change where it may be offered; undefined for none, and for any other. `places`: what the diff shows, where it is at hand. */
export function knownFix({ fix }: ReviewFinding, places?: DiffPlaces): ReviewFix | undefined {
  if (fix === undefined || !isKnownForm(fix)) return undefined;
  // What the diff shows has to stand there: a suggestion replaces those lines, whatever it says that they are.
  const differs = fix.replaced.some((line, n) => (places?.textAt(fix.path, fix.from + n) ?? line) !== line);
  return differs ? undefined : fix;
}

/** The finding without a change that is none of ours: nothing is said for it. */
export function withKnownFix(finding: ReviewFinding): ReviewFinding {
  if (finding.fix === undefined || knownFix(finding) !== undefined) return finding;
  const { fix: _, ...rest } = finding;
  return rest;
}

/** The old lines in their order, with known ones between them. */
function isKnownForm({ path, from, to, replaced, lines, why }: ReviewFix): boolean {
  if (replaced.length === 0 || replaced.length > MAX_LINES || to - from + 1 !== replaced.length) return false;
  if (lines.length > MAX_LINES || !/^[\w.+,@=~%/-]{1,300}$/.test(path) || why.length > 200) return false;
  if (![...replaced, ...lines].every((line) => PLAIN.test(line))) return false;
  const added = path === NORETURN_LIST ? [LISTED] : path.endsWith(".S") ? ADDED : [];
  let old = 0;
  let label: string | undefined;
  let known = 0;
  for (const line of lines) {
    if (old < replaced.length && line === replaced[old]) {
      old++;
      continue;
    }
    if (!added.some((form) => form.test(line))) return false;
    known++;
    const start = /^SYM_FUNC_START_LOCAL\((\w+)\)$/.exec(line)?.[1];
    if (start === undefined) continue;
    // The macro stands for the label, which is the first of the old lines.
    label = LABEL.exec(replaced[old] ?? "")?.[1];
    if (old !== 0 || label !== start) return false;
    old++;
  }
  return old === replaced.length && known > 0 && known <= 2;
}
