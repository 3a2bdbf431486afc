import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Mailroom, SeriesOrder } from "../../src/store/mailroom.ts";
import { seededRandom } from "../support/random.ts";

/** Mailrooms over the same data, as processes have them, on a clock that the test moves. */
export interface MailStage {
  open(): Promise<Mailroom>;
  pass(seconds: number): Promise<void>;
  now(): number;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const mailOf = (messageId: string, text = `Subject: ${messageId}\n\nbody\n`) => ({ messageId, raw: bytes(text) });
const seriesOf = (identity: string, more: Partial<SeriesOrder> = {}): SeriesOrder => ({
  identity,
  state: "waiting",
  reason: "2/3 is missing",
  details: "{}",
  ...more,
});

/** Puts a mail in and files it; its cluster. */
async function put(room: Mailroom, messageId: string, ...keys: string[]): Promise<number> {
  const [sequence] = await room.deliver("mbox:test", [mailOf(messageId)]);
  return room.file(sequence!, '{"a":1}', keys);
}

async function idsOf(room: Mailroom, cluster: number, limit = 100): Promise<string[]> {
  return (await room.cluster(cluster, limit)).map((each) => each.messageId);
}

/** What the port promises. `stage` makes an empty one for each test. */
export function mailroomContract(name: string, stage: (t: TestContext) => Promise<MailStage>): void {
  const promise = (what: string, body: (stage: MailStage, room: Mailroom) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => {
      const made = await stage(t);
      await body(made, await made.open());
    });

  promise("a message is stored once, byte for byte, from wherever it comes", async (stage, room) => {
    const other = await stage.open();
    const hard = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919) & 0xff);
    const batch = [mailOf("a@x"), mailOf("a@x", "another"), { messageId: "b@x", raw: hard }, mailOf("")].slice(0, 3);
    const both = await Promise.all([
      room.deliver("imap:one", batch, "uid 3"),
      other.deliver("public-inbox:two", batch, "abc"),
    ]);
    assert.equal(both.flat().length, 2);
    assert.deepEqual(await room.raw("b@x"), hard);
    assert.equal(new TextDecoder().decode(await other.raw("a@x")), "Subject: a@x\n\nbody\n");
    assert.equal(await room.raw("c@x"), undefined);
    const stored = (await room.mail("a@x"))!;
    assert.deepEqual([stored.facts, stored.cluster, stored.receivedAt], ["", 0, stage.now()]);
    assert.match(stored.source, /^(imap:one|public-inbox:two)$/);
    assert.deepEqual([await room.cursor("imap:one"), await room.cursor("public-inbox:two")], ["uid 3", "abc"]);
    assert.equal(await room.cursor("maildir:three"), undefined);
  });

  promise("a cursor moves with its messages, and stays where none is given", async (_, room) => {
    await room.deliver("s", [mailOf("a@x")], "1");
    await room.deliver("s", [mailOf("b@x")]);
    assert.equal(await room.cursor("s"), "1");
    await assert.rejects(room.deliver("s", [mailOf("c@x"), mailOf("")], "2"));
    await assert.rejects(room.deliver("s", [mailOf("c@x"), mailOf("c\0d@x")], "2"));
    assert.deepEqual([await room.cursor("s"), await room.mail("c@x")], ["1", undefined]);
    await room.deliver("s", [], "2");
    assert.equal(await room.cursor("s"), "2");
  });

  promise("what is not filed is listed, oldest first, until it is", async (_, room) => {
    const sequences = await room.deliver(
      "s",
      ["c@x", "a@x", "b@x"].map((id) => mailOf(id)),
    );
    assert.deepEqual(
      (await room.unfiled(2)).map(({ messageId, sequence }) => [messageId, sequence]),
      [
        ["c@x", sequences[0]],
        ["a@x", sequences[1]],
      ],
    );
    await room.file(sequences[1]!, "{}", []);
    assert.deepEqual(
      (await room.unfiled(9)).map(({ messageId }) => messageId),
      ["c@x", "b@x"],
    );
    await assert.rejects(room.file(sequences[0]!, "no json", []));
    await assert.rejects(room.file(12_345, "{}", []));
    assert.equal((await room.unfiled(9)).length, 2);
  });

  promise("several are filed at once with notes, or none of them", async (stage, room) => {
    const [one, two, three] = await room.deliver(
      "s",
      ["1@x", "2@x", "3@x"].map((id) => mailOf(id)),
    );
    const note = { kind: "n", key: "k", value: "", at: stage.now() };
    const filing = (sequence: number, ...keys: string[]) => ({ sequence, facts: "{}", keys });
    await assert.rejects(room.fileAll([filing(one!, "a"), { ...filing(two!, "b"), facts: "no json" }], [note]));
    assert.deepEqual([(await room.unfiled(9)).length, await room.notes("n")], [3, []]);
    const clusters = await room.fileAll([filing(one!, "a"), filing(two!, "b"), filing(three!, "a", "b")], [note, note]);
    assert.deepEqual(clusters, [one, two, one]);
    assert.deepEqual(await idsOf(room, one!), ["1@x", "2@x", "3@x"]);
    assert.deepEqual([(await room.unfiled(9)).length, await room.notes("n")], [0, [note]]);
    assert.deepEqual(await room.fileAll([]), []);
  });

  promise("messages that share a key are in one cluster, and one may join two", async (_, room) => {
    const one = await put(room, "1@x", "id:1@x", "k:one");
    assert.equal(await put(room, "2@x", "id:2@x", "k:one"), one);
    const three = await put(room, "3@x", "id:3@x", "k:three");
    assert.notEqual(three, one);
    await room.putSeries(three, [seriesOf("3@x")]);
    await room.putSeries(one, [seriesOf("1@x")]);
    const joined = await put(room, "4@x", "id:4@x", "k:one", "k:three");
    assert.equal(joined, one, "the larger one keeps its number");
    assert.deepEqual(await idsOf(room, one), ["1@x", "2@x", "3@x", "4@x"]);
    assert.deepEqual(await idsOf(room, one, 2), ["1@x", "2@x"]);
    assert.deepEqual(await idsOf(room, three), []);
    assert.deepEqual(
      (await room.series(one)).map(({ identity }) => identity),
      ["1@x", "3@x"],
    );
    assert.equal(
      await put(room, "5@x", "k:three"),
      one,
      "a key leads to the cluster that its first message is in by now",
    );
  });

  promise("a message without keys is alone, and one that is filed again stays where it is", async (_, room) => {
    const alone = await put(room, "1@x");
    assert.deepEqual([await idsOf(room, alone), await idsOf(room, 0)], [["1@x"], []]);
    const two = await put(room, "2@x", "k");
    const first = (await room.mail("1@x"))!;
    assert.equal(await room.file(first.sequence, '{"b":2}', ["k"]), alone);
    assert.deepEqual([(await room.mail("1@x"))!.facts, await idsOf(room, two)], ['{"b":2}', ["2@x"]]);
  });

  promise("keys may be of any text and length", async (_, room) => {
    const strange = ["nul\0", "long ".repeat(1000), "'; drop table mails; --", "\u{1f600}"];
    const one = await put(room, "1@x", ...strange);
    for (const [i, key] of strange.entries()) assert.equal(await put(room, `s${i}@x`, key), one);
    assert.notEqual(await put(room, "2@x", "long ".repeat(999)), one);
    assert.deepEqual([await room.clusterOfKey(strange[1]!), await room.clusterOfKey("none")], [one, undefined]);
  });

  promise("any order of filing gives the same clusters", async (_, room) => {
    const random = seededRandom(5);
    const edges = Array.from({ length: 60 }, (_, i) => [i, random() % 60] as const);
    const partition = async (run: number, order: readonly number[]) => {
      for (const i of order) {
        const keys = edges.filter(([a, b]) => a === i || b === i).map(([a, b]) => `${run}:${a}-${b}`);
        await put(room, `${run}.${i}@x`, ...keys);
      }
      const parts = new Map<number, string[]>();
      for (const i of order) {
        const { cluster } = (await room.mail(`${run}.${i}@x`))!;
        parts.set(cluster, [...(parts.get(cluster) ?? []), String(i)]);
      }
      return [...parts.values()].map((each) => each.sort().join(" ")).sort();
    };
    const all = Array.from({ length: 60 }, (_, i) => i);
    const expected = await partition(0, all);
    assert.ok(expected.length > 1 && expected.length < 40, `${expected.length} clusters`);
    for (let run = 1; run <= 3; run++) {
      const order = all.map((i) => [random(), i] as const).sort((a, b) => a[0] - b[0]);
      assert.deepEqual(
        await partition(
          run,
          order.map(([, i]) => i),
        ),
        expected,
      );
    }
  });

  promise("a cluster is stale until its series were made of what is in it", async (_, room) => {
    const one = await put(room, "1@x", "k");
    const [before] = await room.staleClusters(9);
    assert.equal(before?.cluster, one);
    await put(room, "2@x", "k");
    assert.equal(await room.putSeries(one, [seriesOf("1@x")], before.stamp), false, "a message came in between");
    assert.deepEqual(await room.series(one), []);
    const stamp = await room.stamp(one);
    assert.equal(await room.putSeries(one, [seriesOf("1@x")], stamp), true);
    assert.deepEqual(await room.staleClusters(9), []);
    const other = await put(room, "3@x", "l");
    assert.deepEqual(
      (await room.staleClusters(9)).map(({ cluster }) => cluster),
      [other],
    );
    await put(room, "4@x", "k", "l");
    assert.deepEqual(
      (await room.staleClusters(9)).map(({ cluster }) => cluster),
      [one],
      "merged into the larger",
    );
    assert.equal(await room.stamp(other), undefined);
    assert.equal(await room.putSeries(other, [], 1), false);
    const filed = (await room.mail("1@x"))!;
    await room.putSeries(one, [], await room.stamp(one));
    await room.file(filed.sequence, '{"again":1}', []);
    assert.equal((await room.staleClusters(9)).length, 1, "other facts");
  });

  promise("series take the place of those before, and say when they changed", async (stage, room) => {
    const cluster = await put(room, "1@x", "k");
    const start = stage.now();
    assert.equal(await room.putSeries(cluster, [seriesOf("1@x", { dueAt: start + 5000 }), seriesOf("2@x")]), true);
    await stage.pass(10);
    await room.putSeries(cluster, [seriesOf("1@x", { dueAt: start + 5000 }), seriesOf("3@x")]);
    const [first, third, ...rest] = await room.series(cluster);
    assert.deepEqual(first, {
      ...seriesOf("1@x", { dueAt: start + 5000 }),
      cluster,
      firstSeenAt: start,
      changedAt: start,
    });
    assert.deepEqual([third?.identity, third?.firstSeenAt, rest], ["3@x", start + 10_000, []]);
    assert.equal(third && "dueAt" in third, false);
    assert.equal(await room.seriesByIdentity("2@x"), undefined);
    await stage.pass(10);
    await room.putSeries(cluster, [seriesOf("1@x", { state: "ordered", reason: "" })]);
    const ordered = (await room.seriesByIdentity("1@x"))!;
    assert.deepEqual(
      [ordered.state, ordered.dueAt, ordered.firstSeenAt, ordered.changedAt],
      ["ordered", undefined, start, start + 20_000],
    );
    await assert.rejects(room.putSeries(cluster, [seriesOf("9@x"), seriesOf("")]));
    assert.equal(await room.seriesByIdentity("9@x"), undefined);
  });

  promise("series are found by what is due and by what changed", async (stage, room) => {
    const start = stage.now();
    const cluster = await put(room, "1@x", "k");
    await room.putSeries(cluster, [
      seriesOf("late@x", { dueAt: start + 3000 }),
      seriesOf("soon@x", { dueAt: start + 1000 }),
      seriesOf("never@x"),
    ]);
    assert.deepEqual(await room.dueSeries(start, 9), []);
    const due = async (at: number, limit: number) => (await room.dueSeries(at, limit)).map(({ identity }) => identity);
    assert.deepEqual(await due(start + 3000, 9), ["soon@x", "late@x"]);
    assert.deepEqual(await due(start + 3000, 1), ["soon@x"]);
    await stage.pass(10);
    const other = await put(room, "2@x", "l");
    await room.putSeries(other, [seriesOf("new@x")]);
    const since = async (time: number, limit = 9) => (await room.seriesSince(time, limit)).map((each) => each.identity);
    assert.deepEqual(await since(start + 10_000), ["new@x"]);
    assert.deepEqual(await since(0), ["late@x", "never@x", "soon@x", "new@x"]);
    assert.deepEqual(await since(0, 1), ["late@x"]);
  });

  promise("a note is written once and found by its beginning", async (stage, room) => {
    const at = stage.now();
    const note = { kind: "opt-out", key: "dev@x", value: "1", at };
    const other = await stage.open();
    assert.deepEqual((await Promise.all([room.note(note), other.note(note)])).sort(), [false, true]);
    assert.equal(await room.note({ ...note, value: "2" }), false);
    assert.equal(await room.note({ ...note, kind: "other" }), true);
    assert.equal(await room.note({ ...note, key: "\u{1f600}%_dev", at: at + 1 }), true);
    assert.deepEqual(await room.notes("opt-out"), [note, { ...note, key: "\u{1f600}%_dev", at: at + 1 }]);
    assert.deepEqual(await room.notes("opt-out", "dev"), [note]);
    assert.deepEqual((await room.notes("opt-out", "\u{1f600}%")).length, 1);
    assert.deepEqual((await room.notes("opt-out", "", at + 1)).length, 1);
    assert.deepEqual(await room.notes("opt-out", "%"), []);
    assert.deepEqual(
      [await room.removeNote("opt-out", "dev@x"), await room.removeNote("opt-out", "dev@x")],
      [true, false],
    );
    assert.equal((await room.notes("other")).length, 1);
  });

  promise("old bytes are forgotten where nothing waits for them, and their names stay", async (stage, room) => {
    const done = await put(room, "done@x", "a");
    const open = await put(room, "open@x", "b");
    await put(room, "stale@x", "c");
    await room.deliver("s", [mailOf("unfiled@x")]);
    await room.putSeries(done, [seriesOf("done@x")], await room.stamp(done));
    await room.putSeries(open, [seriesOf("open@x", { dueAt: 1 })], await room.stamp(open));
    await room.note({ kind: "seen", key: "k", value: "", at: stage.now() });
    await room.note({ kind: "opt-out", key: "k", value: "", at: stage.now() });
    await stage.pass(100);
    const young = await put(room, "young@x", "d");
    await room.putSeries(young, [], await room.stamp(young));
    assert.equal(await room.forgetMails(stage.now(), ["seen"]), 1);
    assert.equal(await room.raw("done@x"), undefined);
    for (const id of ["open@x", "stale@x", "unfiled@x", "young@x"]) assert.ok(await room.raw(id), id);
    assert.equal((await room.mail("done@x"))?.messageId, "done@x");
    assert.deepEqual(await room.deliver("s", [mailOf("done@x")]), [], "it does not come back");
    assert.deepEqual([(await room.notes("seen")).length, (await room.notes("opt-out")).length], [0, 1]);
  });
}
