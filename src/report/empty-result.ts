import { VERSION } from "../version.ts";
import { RESULT_VERSION, type ReviewResult } from "./result.ts";

/** A result of which nothing is known yet; its verdict is "failed" until somebody says another. Each call gives new lists. */
export function emptyResult(): { -readonly [K in keyof ReviewResult]: ReviewResult[K] } {
  return {
    version: RESULT_VERSION,
    tool: VERSION,
    verdict: "failed",
    series: { title: "", version: 1, author: "unknown" },
    base: { commit: "", name: "", chosenBy: "" },
    patches: [],
    profiles: [],
    objects: [],
    findings: [],
    graphs: [],
    compilerWarnings: [],
    coverage: { functions: 0, functionsAnalysed: 0, textBytes: 0, textBytesAnalysed: 0, notes: [] },
    timings: [],
    sandbox: { mode: "none-needed", network: false, limits: "nothing was built" },
    reproduce: [],
  };
}
