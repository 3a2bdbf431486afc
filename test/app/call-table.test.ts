import assert from "node:assert/strict";
import { test } from "node:test";
import { isContent } from "../support/github/rates.ts";
import type { RecordedCall } from "../support/github/server.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { setStage, settled, until } from "./running.ts";
import { BASE, TARGET, withDefects } from "./scene.ts";

// docs/server.md says what a review costs of GitHub's limits; what is counted here is held against it.

interface Cost {
  readonly requests: number;
  readonly points: number;
  readonly content: number;
}

/** What the build tells of itself comes by time, and is not part of the table. */
function isProgress({ operationId, body }: RecordedCall): boolean {
  const { status, output } = (body ?? {}) as { status?: string; output?: { annotations?: unknown } };
  return operationId === "checks/update" && status === "in_progress" && output?.annotations === undefined;
}

function costOf(calls: readonly RecordedCall[]): Cost {
  const counted = calls.filter((call) => !isProgress(call));
  return {
    requests: counted.length,
    points: counted.reduce((sum, { points }) => sum + points, 0),
    content: counted.filter(({ operationId }) => isContent(operationId)).length,
  };
}

function readTable(): Map<string, Cost> {
  const text = /<!-- calls:begin -->([\s\S]*)<!-- calls:end -->/.exec(readRepositoryFile("docs/server.md"))?.[1] ?? "";
  const rows = text.split("\n").flatMap((line): [string, Cost][] => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [requests = Number.NaN, points = Number.NaN, content = Number.NaN] = cells.slice(2, 5).map(Number);
    return Number.isNaN(requests) ? [] : [[cells[1]!, { requests, points, content }]];
  });
  return new Map(rows.filter(([what]) => what !== ""));
}

test("what a review costs is what the documentation says", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  await stage.fake.settled();
  const table = readTable();
  const measured = new Map<string, Cost>();
  const measure = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    await settled(stage, [TARGET]);
    const before = fake.calls.length;
    await work();
    await settled(stage, [TARGET]);
    measured.set(what, costOf(fake.calls.slice(before)));
  };
  // The first asks for tokens and for who we are, which are kept.
  const pull = await fake.openPull(repo, { author: "dev", commits: [{ "lib/b.c": "x\n" }] });
  await measure("a push without a finding", () => fake.push(pull, { files: { "lib/b.c": "y\n" } }));
  await measure("a push with two findings", () =>
    fake.push(pull, { files: withDefects({ 3: "first", 20: "second" }) }),
  );
  await measure("a push that repairs one of them", () => fake.push(pull, { files: withDefects({ 20: "second" }) }));
  const many = Array.from({ length: 130 }, (_, i) => `DEFECT f${i}`).join("\n");
  await measure("a push with 130 findings", () => fake.push(pull, { files: { "lib/b.c": `${many}\n` } }));
  await measure("a webhook delivered again", () => fake.redeliver(fake.lastDelivery("pull_request", "synchronize")));
  await measure("`/objreview recheck`", async () => {
    const comment = await fake.comment(pull, "dev", "/objreview recheck");
    const isDone = () => comment.reactions.length > 0 && fake.checks(pull.headSha).length === 2;
    await until(stage, "the recheck is there", isDone);
  });
  assert.deepEqual([...measured.keys()], [...table.keys()]);
  for (const [what, cost] of measured) {
    const said = table.get(what)!;
    // Two that ask at the same time may ask twice; what is further off would be another table.
    for (const [name, slack] of [
      ["requests", 1],
      ["points", 5],
      ["content", 0],
    ] as const) {
      const isSaid = cost[name] <= said[name] && said[name] - cost[name] <= slack;
      assert.ok(isSaid, `${what}: ${JSON.stringify(cost)}, and the documentation says ${JSON.stringify(said)}`);
    }
  }
  assert.deepEqual(fake.complaints, []);
});
