import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assemble } from "../../../src/mail/assemble.ts";
import type { ClusterMail } from "../../../src/mail/assembled.ts";
import { linkKeys } from "../../../src/mail/keys.ts";
import { assembleAll, describeAssembled, readAll, receivedAt } from "../../support/mail/clusters.ts";
import { seededRandom } from "../../support/random.ts";
import { corpusCases } from "../corpus/cases.ts";
import { CORPUS_START, Corpus } from "../corpus/kit.ts";

// The same mails make the same series: in any order, however often they come, and however the mailroom's clusters grew together on the way.

const corpus = new Corpus();
after(() => corpus.repo.destroy());
const LATER = CORPUS_START + 30 * 86_400_000;
const cases = corpusCases.filter((one) => !one.name.includes(", ") || !/^(a series|a patch)/.test(one.name));

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const out = [...list];
  for (let at = out.length - 1; at > 0; at--) {
    const other = random() % (at + 1);
    [out[at], out[other]] = [out[other] as T, out[at] as T];
  }
  return out;
}

/** The mailroom: each mail joins the clusters that share a key with it, one after the other, and the cluster is put together at once. */
function fileOneByOne(mails: readonly ClusterMail[]): string[] {
  const clusterOfKey = new Map<string, number>();
  const clusters = new Map<number, ClusterMail[]>();
  mails.forEach((mail, index) => {
    const keys = linkKeys(mail.facts);
    const found = [...new Set(keys.map((key) => clusterOfKey.get(key)).filter((each) => each !== undefined))];
    const into = found[0] ?? index;
    const merged = found.flatMap((each) => clusters.get(each) ?? []);
    for (const each of found) clusters.delete(each);
    clusters.set(into, [...merged, mail]);
    for (const [key, at] of clusterOfKey) if (found.includes(at)) clusterOfKey.set(key, into);
    for (const key of keys) clusterOfKey.set(key, into);
    // As the pipeline does after each mail; what it gives on the way may be anything but a throw.
    assemble(clusters.get(into) as ClusterMail[]);
  });
  const whole = [...clusters.values()].map((cluster) => assemble(cluster));
  return describeAssembled({ series: whole.flatMap((each) => each.series), rest: whole.flatMap((each) => each.rest) });
}

for (const one of cases) {
  test(`any order: ${one.name}`, async () => {
    const facts = await readAll(one.mails(corpus));
    const straight = assembleAll(receivedAt(facts, LATER));
    const random = seededRandom(facts.length * 7919 + one.name.length);
    for (let round = 0; round < 8; round++) {
      const order = shuffled(facts, random);
      assert.deepEqual(assembleAll(receivedAt(order, LATER)), straight);
      const twice = shuffled([...order, ...order.slice(0, 1 + (random() % order.length))], random);
      assert.deepEqual(assembleAll(receivedAt(twice, LATER)), straight);
      // Times of arrival go with the order: they say when, never what.
      const arriving = order.map((each, index) => ({ facts: each, receivedAt: LATER + index * 60_000 }));
      assert.deepEqual(fileOneByOne(arriving), describeAssembled(straight));
    }
  });
}

test("several cases in one mailroom do not disturb each other, in any order", async () => {
  // Ids are the cases' own: made different here, as those of different people are.
  const chosen = cases.filter((_, index) => index % 3 === 0);
  const apart: ClusterMail[] = [];
  const expected: string[] = [];
  for (const [index, one] of chosen.entries()) {
    const rename = (id: string): string => id.replace("@corpus.example", `@case${index}.example`);
    const facts = (await readAll(one.mails(corpus))).map((each) => ({
      ...each,
      messageId: rename(each.messageId),
      references: each.references.map(rename),
      versionLinks: each.versionLinks.map(rename),
      ...(each.inReplyTo !== undefined && { inReplyTo: rename(each.inReplyTo) }),
      ...(each.changeId !== undefined && { changeId: `${each.changeId}-${index}` }),
      ...(each.from !== undefined && { from: { ...each.from, address: `${index}.${each.from.address}` } }),
    }));
    const own = receivedAt(facts, LATER);
    apart.push(...own);
    expected.push(...describeAssembled(assembleAll(own)));
  }
  const random = seededRandom(20260302);
  for (let round = 0; round < 4; round++)
    assert.deepEqual(describeAssembled(assembleAll(shuffled(apart, random))), [...expected].sort());
});
