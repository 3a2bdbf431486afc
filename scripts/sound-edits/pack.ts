import type { ManifestEntry } from "./write-patch.ts";

/** Groups edits into series of at most `most`, none of which has two that touch one file or one object. Keeps the order otherwise. */
export function packEdits(entries: readonly ManifestEntry[], most: number): ManifestEntry[][] {
  const open: { entries: ManifestEntry[]; taken: Set<string> }[] = [];
  const full: ManifestEntry[][] = [];
  for (const entry of entries) {
    const needs = [entry.file, ...entry.objects];
    let at = open.findIndex(({ taken }) => needs.every((each) => !taken.has(each)));
    if (at < 0) at = open.push({ entries: [], taken: new Set() }) - 1;
    const series = open[at]!;
    series.entries.push(entry);
    for (const each of needs) series.taken.add(each);
    if (series.entries.length >= most) full.push(...open.splice(at, 1).map((each) => each.entries));
  }
  return [...full, ...open.map((each) => each.entries)];
}

/** Mails of single patches as the patches of one series. */
export function sameSeries(mails: readonly string[]): string {
  if (mails.length === 1) return mails[0]!;
  return mails
    .map((mail, i) => mail.replace(/^Subject: \[PATCH\]/m, `Subject: [PATCH ${i + 1}/${mails.length}]`))
    .join("\n");
}
