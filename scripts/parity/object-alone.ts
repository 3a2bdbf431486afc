import type { ObjectModel } from "./object-model.ts";
import type { TheirReport } from "./their-tool.ts";

/** Where a search for untraining began that ended with an error: the last that is said, of whatever error. */
const UNTRAINING_FAILED = "Failed UNRET validation";

/**
 * What their tool says of an object by itself for want of what others define, and of no linked kernel:
 * - the search for untraining ends at a callee that neither the object nor a stand-in defines, and its begin is told behind that. Ours has the
 *   callee's facts with an index, and says nothing without;
 * - paravirtual calls out of an object without the table of them: it reads what is not there, and mostly dies of that.
 */
export function saidOfObjectAlone(model: ObjectModel, reports: readonly TheirReport[]): ReadonlySet<TheirReport> {
  const lacksCallee = ({ text }: TheirReport): boolean => {
    const callee = /^Unresolved function after linking!\?: (\S+)$/.exec(text)?.[1];
    return callee !== undefined && model.keysOfName(callee, 0).length === 0;
  };
  const isCut = reports.some(lacksCallee);
  return new Set(
    reports.filter(
      (report) =>
        lacksCallee(report) ||
        (isCut && report.text === UNTRAINING_FAILED) ||
        /^pv_ops\[\d+\]: \(null\)$/.test(report.text),
    ),
  );
}
