import type { CorpusCase } from "./corpus-case.ts";
import { formCases } from "./form-cases.ts";
import { oddCases } from "./odd-cases.ts";
import { rerollCases } from "./reroll-cases.ts";
import { threadCases } from "./thread-cases.ts";
import { versionCases } from "./version-cases.ts";

export const corpusCases: readonly CorpusCase[] = [
  ...threadCases,
  ...versionCases,
  ...rerollCases,
  ...formCases,
  ...oddCases,
];
