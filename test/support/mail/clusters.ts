import { assemble } from "../../../src/mail/assemble.ts";
import type { Assembled, AssembleOptions, ClusterMail } from "../../../src/mail/assembled.ts";
import { type MailFacts, parseFacts, readMail } from "../../../src/mail/facts.ts";
import { readHeaders } from "../../../src/mail/headers.ts";
import { linkKeys } from "../../../src/mail/keys.ts";

// What the mailroom does with mails, in memory: each is read once, filed under its keys, and its cluster is put together.

/** As sources name them: without brackets. They name one without from its bytes; here one name does. */
export function messageIdOf(raw: Uint8Array): string {
  const value = readHeaders(raw).get("message-id")?.[0] ?? "";
  const id = /<([^<>\s]+)>/.exec(value)?.[1];
  return id ?? "sha256.ID@no-message-id";
}

export async function readAll(mails: readonly Uint8Array[]): Promise<MailFacts[]> {
  const facts: MailFacts[] = [];
  for (const raw of mails) {
    const one = await readMail(messageIdOf(raw), raw);
    // As it comes back from the store.
    facts.push(parseFacts(JSON.stringify(one)) as MailFacts);
  }
  return facts;
}

/** Clusters of mails that share a key, each in the order of arrival; mails without a key are alone. */
export function clusterOf(mails: readonly ClusterMail[]): ClusterMail[][] {
  const parent = mails.map((_, index) => index);
  const find = (at: number): number => {
    let root = at;
    while (parent[root] !== root) root = parent[root] as number;
    for (let each = at; each !== root; ) {
      const next = parent[each] as number;
      parent[each] = root;
      each = next;
    }
    return root;
  };
  const byKey = new Map<string, number>();
  mails.forEach(({ facts }, index) => {
    for (const key of linkKeys(facts)) {
      const other = byKey.get(key);
      if (other === undefined) byKey.set(key, index);
      else parent[find(index)] = find(other);
    }
  });
  const clusters = new Map<number, ClusterMail[]>();
  mails.forEach((mail, index) => {
    const root = find(index);
    const list = clusters.get(root);
    if (list === undefined) clusters.set(root, [mail]);
    else list.push(mail);
  });
  return [...clusters.values()];
}

/** Everything that the mails make, over all clusters. */
export function assembleAll(mails: readonly ClusterMail[], options?: AssembleOptions): Assembled {
  const each = clusterOf(mails).map((cluster) => assemble(cluster, options));
  return {
    series: each
      .flatMap(({ series }) => series)
      .sort((left, right) => left.date - right.date || (left.identity < right.identity ? -1 : 1)),
    rest: each.flatMap(({ rest }) => rest).sort((left, right) => (left.messageId < right.messageId ? -1 : 1)),
  };
}

/** All received at one time, long after they were written. */
export function receivedAt(facts: readonly MailFacts[], time: number): ClusterMail[] {
  return facts.map((one) => ({ facts: one, receivedAt: time }));
}

/**
 * One line per series and per mail that is in none, in short: "complete v2 s2: c 1=a 2=b, after a, old to d". Ids without what stands behind "@". The cover is
 * left out where there is none, and the list of patches where it is the identity alone.
 */
export function describeAssembled({ series, rest }: Assembled): string[] {
  const name = (id: string): string => id.split("@")[0] as string;
  const lines = series.map((one) => {
    const patches = one.patches.map((patch) => `${patch.number}=${name(patch.messageId)}`).join(" ");
    const parts = [
      `${one.state} v${one.version} ${one.patches.length}/${one.total}`,
      ...(one.cover === undefined ? [] : [`cover=${name(one.cover)}`]),
      patches,
      ...(one.missing.length > 0 ? [`missing=${one.missing.join(",")}`] : []),
      ...(one.previous === undefined ? [] : [`after=${name(one.previous)}`]),
      ...(one.olderThan === undefined ? [] : [`old=${name(one.olderThan)}`]),
    ];
    return parts.filter((part) => part !== "").join(" ");
  });
  for (const left of rest) {
    const about = left.about === undefined ? "" : ` about=${name(left.about)}`;
    lines.push(`${left.kind} ${name(left.messageId)}${about}${left.hasPatch ? " with a patch" : ""}`);
  }
  return lines.sort();
}
