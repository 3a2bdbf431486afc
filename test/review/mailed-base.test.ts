import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { locateState } from "../../src/kernel/state-folder.ts";
import { mailConfigSchema } from "../../src/mail/config.ts";
import { type PrepareParts, prepareSeries, type SeriesToPrepare } from "../../src/mail/prepare-series.ts";
import { GitRepository } from "../support/github/git-host.ts";
import { startGitServer } from "../support/mail/git-server.ts";
import { briefly, filesFolder, reviewEnv, runReview } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// A series from a mailing list on the kernel tree: what it needs before it is the base's, and so are the defects in that.

const tree = openSeriesTree();
const HWEIGHT = "arch/x86/lib/hweight.S";
const POP = "\t__ASM_SIZE(pop,) %__ASM_REG(dx)\n\tRET\n";

function partsOf(folder: string, mails: ReadonlyMap<string, string>, pullFrom: readonly string[] = []): PrepareParts {
  const config = mailConfigSchema.parse({
    address: "bot@example.org",
    sources: [{ kind: "stdin" }],
    trees: [{ name: "linux", at: tree.dir, "pull-from": pullFrom }],
    lists: [{ address: "list@example.org", trees: ["linux"] }],
  });
  return {
    state: locateState(reviewEnv()),
    trees: config.trees,
    maxPatches: 60,
    scratch: folder,
    raw: async (id) => {
      const text = mails.get(id);
      return text === undefined ? undefined : Buffer.from(text.replace(/^From .*\n/, `Message-ID: <${id}>\n`));
    },
    findPrerequisite: async ({ value }) => [value],
    signal: new AbortController().signal,
  };
}

test("defects of a prerequisite are the base's", async (t) => {
  const folder = filesFolder(t);
  const first = tree.commit(tree.base, "x86/lib: a defect\n", { [HWEIGHT]: (text) => text.replace(POP, "\tRET\n") });
  const second = tree.commit(first, "x86/lib: a good patch\n", {
    [HWEIGHT]: (text) => text.replace("shrl $24, %eax", "shrl $0x18, %eax"),
  });
  const mails = new Map([
    ["first@example.org", tree.mbox(tree.base, first)],
    [
      "second@example.org",
      tree
        .mbox(first, second)
        .replace(/^-- $/m, `base-commit: ${tree.base}\nprerequisite-message-id: <first@example.org>\n-- `),
    ],
  ]);
  const parts = partsOf(folder, mails);
  const series: SeriesToPrepare = {
    patches: [{ number: 1, messageId: "second@example.org" }],
    isPullRequest: false,
    date: Date.now(),
  };
  const prepared = await prepareSeries(parts, series);
  assert.ok(prepared.kind === "ready" && "mbox" in prepared.series, JSON.stringify(prepared));
  assert.deepEqual(
    [prepared.baseCommit, prepared.chosenBy, prepared.prerequisites],
    [tree.base, "your base-commit", ["first@example.org"]],
  );
  const { mbox } = prepared.series;
  const good = await runReview({ tree: prepared.tree.at, base: prepared.base, mbox });
  assert.equal(good.result.verdict, "clean");
  assert.deepEqual(briefly(good.result), [
    "unchanged return-with-modified-frame __sw_hweight32() arch/x86/lib/hweight.S:34",
  ]);
  assert.equal(good.result.patches.length, 1);
  assert.equal(mbox, join(folder, "series.mbox"));
  // The defect is one where the first patch is reviewed itself.
  const alone = await prepareSeries(parts, { ...series, patches: [{ number: 1, messageId: "first@example.org" }] });
  assert.ok(alone.kind === "ready" && "mbox" in alone.series, JSON.stringify(alone));
  const bad = await runReview({ tree: alone.tree.at, base: alone.base, mbox: alone.series.mbox });
  assert.deepEqual(briefly(bad.result), [
    "new return-with-modified-frame __sw_hweight32() arch/x86/lib/hweight.S:34 from 1",
  ]);
});

test("a pull request of the kernel is fetched and reviewed as the range that it is", async (t) => {
  const folder = filesFolder(t);
  const hosted = GitRepository.create(join(folder, "hosted", "linux.git"), join(tree.dir, "objects"));
  const files = { [HWEIGHT]: (text: string) => `${text}\n/* ${folder} */\n`.replace(POP, "\tRET\n") };
  const tip = hosted.commit({ parent: tree.base, message: "x86/lib: a defect\n", files });
  hosted.setRef("refs/heads/for-linus", tip);
  const server = await startGitServer(join(folder, "hosted"));
  t.after(() => server.close());
  const text = [
    "From: Ada <ada@example.org>\nSubject: [GIT PULL] x86/lib\n",
    `The following changes since commit ${tree.base}:\n\n  base\n`,
    `are available in the Git repository at:\n\n  ${server.url}/linux.git for-linus\n`,
    `for you to fetch changes up to ${tip}:\n\n  x86/lib: a defect\n`,
  ].join("\n");
  const parts = partsOf(folder, new Map([["pull@example.org", text]]), [server.url]);
  const patches = [{ number: 1, messageId: "pull@example.org" }];
  const prepared = await prepareSeries(parts, { patches, isPullRequest: true, date: Date.now() });
  assert.ok(prepared.kind === "ready" && "to" in prepared.series, JSON.stringify(prepared));
  const { from, to } = prepared.series;
  assert.deepEqual([prepared.base, from, to], [tree.base, tree.base, tip]);
  const { result } = await runReview({ tree: prepared.tree.at, base: prepared.base, range: `${from}..${to}` });
  assert.deepEqual(briefly(result), [
    "new return-with-modified-frame __sw_hweight32() arch/x86/lib/hweight.S:34 from 1",
  ]);
});
