import assert from "node:assert/strict";
import { after, test } from "node:test";
import { joinMboxrd, splitMbox } from "../../src/patch/mbox.ts";
import { readSeries, type Series, type SeriesResult } from "../../src/patch/series.ts";
import { GitRepo, makeZoo } from "./git-repo.ts";
import { concat, exactForms, textForms } from "./mail-forms.ts";

const repo = new GitRepo();
after(() => repo.destroy());
const zoo = makeZoo(repo);
const coverLetter = ["--cover-letter", "--base", zoo.base, "-v3", "--subject-prefix=PATCH RFC net-next"];
const options = ["--stdout", "-M", "-C", "--find-copies-harder", "--binary", "--thread=shallow"];
const seriesMbox = repo.gitBytes("format-patch", ...options, ...coverLetter, zoo.base);
const mails = splitMbox(seriesMbox).map((message) => message.bytes);

async function read(bytes: Uint8Array, name = "series.mbx"): Promise<SeriesResult> {
  return await readSeries([{ name, bytes }]);
}

function seriesOf(result: SeriesResult): Series {
  assert.notEqual(result.state, "not-a-patch", result.reason);
  return (result as { series: Series }).series;
}

/** The tree that `git am` makes of our mails, on top of the zoo's base. */
function appliedTree(series: Series): string {
  repo.git("checkout", "-q", "-f", "--detach", zoo.base);
  repo.git("clean", "-fdxq");
  const mbox = joinMboxrd(series.patches.map((patch) => patch.mail));
  repo.gitWithInput(mbox, "am", "-q", "--keep-cr", "--patch-format=mboxrd", "--keep-non-patch");
  return repo.git("rev-parse", "HEAD^{tree}").trim();
}
const tipTree = repo.git("rev-parse", `${zoo.tip}^{tree}`).trim();

for (const [name, form] of Object.entries(exactForms)) {
  test(`series with a cover letter, ${name}: complete, and git makes the same tree of it`, async () => {
    // A separator line per mail, as an mbox of such mails has.
    const mbox = concat(...mails.flatMap((mail) => ["From x Mon Sep 17 00:00:00 2001\n", form(mail), "\n"]));
    const result = await read(mbox);
    assert.equal(result.state, "complete", result.reason);
    const series = seriesOf(result);
    assert.deepEqual(result.leftOut, []);
    assert.equal(series.version, 3);
    assert.deepEqual(series.prefixes, ["RFC", "net-next"]);
    assert.equal(series.title, "*** SUBJECT HERE ***");
    assert.equal(series.total, zoo.subjects.length);
    assert.deepEqual(
      series.patches.map((patch) => patch.title),
      zoo.subjects,
    );
    assert.equal(series.baseCommit, zoo.base);
    assert.deepEqual(series.author, { name: "Dev Eloper", address: "dev@example.org" });
    assert.deepEqual(
      series.patches.map((patch) => patch.commitMessage),
      zoo.subjects.map(() => "Why it is done."),
    );
    const dos = series.patches.find((patch) => patch.title === "dos: line ends");
    const changed = dos?.files[0]?.hunks[0]?.lines.filter((line) => line.kind !== " ").map((line) => line.text);
    assert.deepEqual(changed, ["second\r", "2nd\r"]);
    assert.equal(appliedTree(series), tipTree);
    assert.equal(repo.git("log", "--format=%an <%ae> %s", `${zoo.base}..HEAD`).trim().split("\n").length, series.total);
  });
}

for (const [name, form] of Object.entries(textForms)) {
  test(`series with a cover letter, ${name}: complete, and git applies it`, async () => {
    // CR and bytes that are not UTF-8 do not survive these forms; the rest does.
    const kept = mails.filter((mail) => !/Subject:.*(dos|latin): /.test(Buffer.from(mail).toString("latin1")));
    const mbox = concat(...kept.flatMap((mail) => ["From x Mon Sep 17 00:00:00 2001\n", form(mail), "\n"]));
    const result = await read(mbox);
    assert.equal(result.state, "incomplete", result.reason);
    const series = seriesOf(result);
    assert.equal(series.missing.length, 2);
    assert.match(result.reason, /^18 of 20 patches, missing 15, 17$/);
    appliedTree(series);
    const differ = repo.git("diff", "--name-only", zoo.tip, "HEAD").trim().split("\n");
    assert.deepEqual(differ, ["dos.txt", "latin.txt"]);
  });
}

test("any order of messages gives the same series", async () => {
  const parts = mails.map((mail) => concat("From x Mon Sep 17 00:00:00 2001\n", mail, "\n"));
  const shuffled = parts.map((_, index) => parts[(index * 8 + 3) % parts.length] as Uint8Array);
  assert.equal(new Set(shuffled).size, parts.length);
  const straight = seriesOf(await read(concat(...parts)));
  const mixed = seriesOf(await read(concat(...shuffled)));
  assert.deepEqual(
    mixed.patches.map((patch) => [patch.number, patch.title, patch.patchText]),
    straight.patches.map((patch) => [patch.number, patch.title, patch.patchText]),
  );
});

const threeSubjects = zoo.subjects.slice(0, 3);
const short = (...more: string[]): Uint8Array => {
  const three = repo.git("rev-list", "--reverse", `${zoo.base}..${zoo.tip}`).trim().split("\n")[2] as string;
  return repo.gitBytes("format-patch", ...options, ...more, `${zoo.base}..${three}`);
};

test("of two versions the higher complete one is taken and the other named", async () => {
  const v1 = short("--cover-letter");
  const v2 = short("-v2");
  const v3 = splitMbox(short("-v3")).slice(1);
  const late = concat(...v3.flatMap((message) => ["From x Mon Sep 17 00:00:00 2001\n", message.bytes, "\n"]));
  const result = await read(concat(v2, late, v1));
  const series = seriesOf(result);
  assert.equal(result.state, "complete");
  assert.equal(series.version, 2);
  assert.equal(result.leftOut.length, 2);
  assert.match(result.leftOut.join("\n"), /^v1 .* 3 of 3 patches: another series or version$/m);
  assert.match(result.leftOut.join("\n"), /^v3 .* 2 of 3 patches: another series or version$/m);
});

test("two threads with the same numbers are two series; a resend is not", async () => {
  const one = short("--cover-letter");
  const [first, , third] = repo.git("rev-list", "--reverse", `${zoo.base}..${zoo.tip}`).trim().split("\n").slice(3);
  const others = repo.gitBytes("format-patch", ...options, "--cover-letter", `${first}^..${third}`);
  // git names cover letters by the second, and both were made within one.
  const other = concat(Buffer.from(others).toString("latin1").replaceAll("<cover.", "<other-cover."));
  const two = await read(concat(one, other));
  assert.equal(two.state, "complete");
  assert.deepEqual(
    seriesOf(two).patches.map((patch) => patch.title),
    threeSubjects,
  );
  assert.equal(two.leftOut.length, 1);
  const resent = await read(concat(one, short("--cover-letter", "--subject-prefix=RESEND PATCH")));
  assert.deepEqual(seriesOf(resent).duplicates, [0, 1, 2, 3]);
  assert.equal(resent.state, "complete");
});

test("a single patch, unnumbered patches, replies, pull requests and talk", async () => {
  const single = repo.gitBytes("format-patch", ...options, "-1", "--base", `${zoo.tip}~1`, zoo.tip);
  const one = await read(single);
  assert.equal(one.state, "complete");
  assert.equal(seriesOf(one).total, 1);
  assert.equal(seriesOf(one).baseCommit, repo.git("rev-parse", `${zoo.tip}~1`).trim());
  assert.equal(seriesOf(one).title, "binary: new");

  const loose = await read(short("-N"));
  assert.deepEqual(
    seriesOf(loose).patches.map((patch) => patch.title),
    threeSubjects,
  );
  assert.match(loose.reason, /not numbered/);

  const reply = Buffer.from(single).toString("latin1").replace("Subject: [PATCH]", "Subject: Re: [PATCH]");
  const onlyReply = await read(concat(reply));
  assert.equal(onlyReply.state, "not-a-patch");
  assert.equal(onlyReply.reason, "only replies, no patch");
  const pull = await read(concat("From: a@b.c\nSubject: [GIT PULL] x86 fixes for v6.12\n\nThe following changes\n"));
  assert.equal(pull.state, "not-a-patch");
  assert.equal(pull.reason, "a pull request, not a patch");
  const talk = await read(concat("From: a@b.c\nSubject: lunch?\n\nAt noon.\n"));
  assert.equal(talk.state, "not-a-patch");
  assert.deepEqual(talk.leftOut, ['message 1 "lunch?": not a patch']);
  const withReply = await read(concat(single, reply));
  assert.equal(withReply.state, "complete");
  assert.equal(withReply.leftOut.length, 1);
  const noDiff = await read(concat("From: a@b.c\nSubject: [PATCH 1/2] x\n\nforgot it\n"));
  assert.equal(noDiff.state, "not-a-patch");
});

test("patch files: numbered ones by number, others in the order given, bare diffs with their file's name", async () => {
  const files = splitMbox(short()).map((message, index) => ({
    name: `000${index + 1}.patch`,
    bytes: concat("From x Mon Sep 17 00:00:00 2001\n", message.bytes),
  }));
  const numbered = await readSeries([...files].reverse());
  assert.deepEqual(
    seriesOf(numbered).patches.map((patch) => patch.title),
    threeSubjects,
  );
  const diff = (from: string, to: string) => repo.gitBytes("diff", "--binary", "-M", from, to);
  const commits = [zoo.base, ...repo.git("rev-list", "--reverse", `${zoo.base}..${zoo.tip}`).trim().split("\n")];
  const [a, b, c] = commits as [string, string, string];
  const bare = await readSeries([
    { name: "dir/fix-exit.diff", bytes: diff(a, b) },
    { name: "rename.patch", bytes: repo.gitBytes("show", "-M", c) },
  ]);
  const series = seriesOf(bare);
  assert.equal(bare.state, "complete");
  assert.deepEqual(
    series.patches.map((patch) => patch.title),
    ["fix-exit", "rename"],
  );
  assert.equal(series.author, undefined);
  const tree = appliedTree(series);
  assert.equal(tree, repo.git("rev-parse", `${c}^{tree}`).trim());
});

test("trailers of b4 and of format-patch, in-body author", async () => {
  const id = "a".repeat(40);
  const mail = [
    "From: Relay <relay@example.org>",
    "Subject: [PATCH 0/1] cover",
    "Message-ID: <cover@x>",
    "",
    `base-commit: ${id}`,
    "change-id: 20240501-fix-exit-1a2b3c",
    `prerequisite-patch-id: ${"b".repeat(40)}`,
    "prerequisite-change-id: 20240401-other-99:v2",
    "prerequisite-message-id: <m@x>",
    "-- ",
    "2.39",
    "",
  ].join("\n");
  const patch = [
    "From: Relay <relay@example.org>",
    "Subject: [PATCH 1/1] patch",
    "",
    'From: J\u00f6rg "X" Author <author@example.org>',
    "Subject: [PATCH] the real title",
    "",
    "Text.",
    "---",
    "diff --git a/y b/y",
    "--- a/y",
    "+++ b/y",
    "@@ -1 +1 @@",
    "-a",
    "+b",
    "",
  ].join("\n");
  const separator = "From x Mon Sep 17 00:00:00 2001\n";
  const series = seriesOf(await read(concat(separator, mail, separator, patch)));
  assert.equal(series.baseCommit, id);
  assert.equal(series.changeId, "20240501-fix-exit-1a2b3c");
  assert.deepEqual(series.prerequisites, [
    { kind: "patch-id", value: "b".repeat(40) },
    { kind: "change-id", value: "20240401-other-99:v2" },
    { kind: "message-id", value: "m@x" },
  ]);
  assert.equal(series.author?.address, "relay@example.org");
  assert.equal(series.messageId, "cover@x");
  assert.equal(series.patches[0]?.author?.address, "author@example.org");
  assert.equal(series.patches[0]?.title, "the real title");
  assert.equal(series.patches[0]?.commitMessage, "Text.");
});
