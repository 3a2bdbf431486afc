// From the mails of a cluster to series. Pure: the same mails give the same result in whatever order they are given, and however often.

import type { Assembled, AssembleOptions, ClusterMail } from "./assembled.ts";
import { defaultAssembleOptions } from "./assembled.ts";

/** All series that the mails of one cluster make, and what the others of them are. Never throws. */
export function assemble(mails: readonly ClusterMail[], options: AssembleOptions = defaultAssembleOptions): Assembled {
  void mails;
  void options;
  return { series: [], rest: [] };
}
