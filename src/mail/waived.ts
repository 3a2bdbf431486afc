// What somebody has waived by a command in a mail: findings, by fingerprint, that are as if the base had them.

import type { Store } from "../store/store.ts";

/** The scope of a waiver that is for one series and its later versions, or for all that comes to a list. */
export function waiverScope(seriesOrList: string): string {
  return `mail:${seriesOrList}`;
}

/** `identities`: of a series and its former versions. `lists`: addresses of the lists that it came to. */
export async function waivedFingerprints(
  store: Pick<Store, "waivers">,
  identities: readonly string[],
  lists: readonly string[],
): Promise<Set<string>> {
  const all = await Promise.all([...identities, ...lists].map((each) => store.waivers(waiverScope(each))));
  return new Set(all.flat().map(({ fingerprint }) => fingerprint));
}
