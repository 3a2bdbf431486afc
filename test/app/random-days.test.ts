import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { HookDelivery, Pull } from "../support/github/world.ts";
import { seededRandom } from "../support/random.ts";
import { type Running, setStage, settled, until } from "./running.ts";
import { BASE, comments, summaries, withDefects } from "./scene.ts";

// Days on which everything happens: pushes, forced pushes, closing, another base, commands, webhooks that are lost, late and repeated, calls that fail,
// a service that dies. What stands on the pull requests in the evening depends on their heads alone.

/** More for a longer look: `OBJREVIEW_RANDOM_DAYS=1-200`. */
const [FIRST = 1, LAST = 4] = (process.env.OBJREVIEW_RANDOM_DAYS ?? "")
  .split("-")
  .map(Number)
  .filter((n) => n > 0);
const DEEDS = 14;
const NAMES = ["alpha", "beta", "gamma", "delta", "epsilon"];

interface Open {
  readonly pull: Pull;
  defects: Record<number, string>;
}

async function day(t: TestContext, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number): number => random() % n;
  const happens = (percent: number): boolean => below(100) < percent;
  const stage = await setStage(t, { workers: 1 + below(2), mortal: true });
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  repo.git.setRef("refs/heads/next", fake.commit(repo, fake.tip(repo), { next: "x\n" }));
  fake.setRole(repo, "dev", "write");
  let running: Running = await stage.start();
  const opens: Open[] = [];
  const lost: HookDelivery[] = [];
  const story: string[] = [];

  const defects = (): Record<number, string> => {
    const chosen = NAMES.filter(() => happens(40));
    return Object.fromEntries(chosen.map((name, i) => [4 * i + below(4), name]));
  };
  const deeds: Readonly<Record<string, (open: Open) => Promise<unknown>>> = {
    push: (open) => {
      open.defects = defects();
      return fake.push(open.pull, { files: { ...withDefects(open.defects), note: `${random()}\n` } });
    },
    force: (open) => {
      open.defects = defects();
      const files = { ...withDefects(open.defects), note: `${random()}\n` };
      return fake.push(open.pull, { sha: fake.commit(repo, fake.tip(repo, open.pull.baseRef), files) });
    },
    back: (open) => {
      // To a head that was there before, as far as anybody remembers one.
      const old = fake.state.checkRuns.find(({ headSha }) => headSha !== open.pull.headSha && heads.has(headSha));
      const known = old === undefined ? undefined : heads.get(old.headSha);
      if (known === undefined || known.pull !== open.pull) return Promise.resolve();
      open.defects = known.defects;
      return fake.push(open.pull, { sha: old!.headSha });
    },
    close: ({ pull }) => (pull.isOpen ? fake.close(pull) : fake.reopen(pull)),
    base: ({ pull }) => fake.changeBase(pull, pull.baseRef === "main" ? "next" : "main"),
    recheck: ({ pull }) => fake.comment(pull, happens(50) ? "dev" : "stranger", "/objreview recheck"),
    repeat: () => fake.redeliver(fake.state.deliveries[below(fake.state.deliveries.length)]!),
    late: () => {
      const one = lost.splice(below(Math.max(1, lost.length)), 1)[0];
      return one === undefined ? Promise.resolve() : fake.redeliver(one);
    },
    die: async () => {
      running.kill();
      stage.pass(120);
      running = await stage.start();
    },
    wait: () => new Promise((done) => setTimeout(done, below(400))),
  };
  const heads = new Map<string, Open>();
  for (let i = 0; i < DEEDS; i++) {
    fake.hooks.mode = happens(15) ? "lose" : "send";
    if (happens(25)) {
      const how = ([500, 502, "cut", "secondary"] as const)[below(4)]!;
      fake.failAt(1 + below(12), { how, when: happens(50) ? "before" : "after" });
    }
    const before = fake.state.deliveries.length;
    if (opens.length === 0 || (opens.length < 3 && happens(15))) {
      const own = defects();
      story.push(`open ${JSON.stringify(own)}`);
      const commits = [{ ...withDefects(own), note: `${random()}\n` }];
      opens.push({ pull: await fake.openPull(repo, { author: "dev", commits }), defects: own });
    } else {
      const names = Object.keys(deeds);
      const name = names[below(names.length)]!;
      const open = opens[below(opens.length)]!;
      story.push(`${name} #${open.pull.number} ${fake.hooks.mode}`);
      await deeds[name]!(open);
    }
    if (fake.hooks.mode === "lose") lost.push(...fake.state.deliveries.slice(before));
    for (const { pull, defects: own } of opens) heads.set(pull.headSha, { pull, defects: own });
  }
  // Evening: GitHub is well again, and whoever starts the service again finds what was missed.
  fake.clearFaults();
  fake.hooks.mode = "send";
  const targets = opens.map(({ pull }) => `github:acme/linux#${pull.number}`);
  await settled(stage, targets);
  running.kill();
  stage.pass(120);
  const before = fake.calls.length;
  running = await stage.start();
  const hasLookedBack = () => fake.calls.slice(before).some(({ operationId }) => operationId === "pulls/list");
  await until(stage, "it has looked back", hasLookedBack);
  // What it orders for what it has seen is stored a moment later.
  await new Promise((done) => setTimeout(done, 300));
  await settled(stage, targets);
  for (const { pull, defects: own } of opens) {
    const told = comments(fake, pull)
      .filter((each) => each.startsWith("open "))
      .sort();
    const what = `day ${seed}, #${pull.number}: ${story.join("; ")}\n${comments(fake, pull).join(", ")}\n`;
    if (pull.isOpen) {
      assert.deepEqual(
        told,
        Object.values(own)
          .map((name) => `open ${name}`)
          .sort(),
        what,
      );
      const runs = fake.checks(pull.headSha);
      assert.ok(
        runs.length > 0 && runs.every(({ status }) => status === "completed"),
        `${what} ${runs.map(({ externalId, history }) => `${externalId}: ${history.join(" ")}`).join("\n")}\n${stage.log.slice(-60).join("\n")}`,
      );
      assert.match(runs.at(-1)!.conclusion!, /^(neutral|success)$/, what);
    }
    assert.equal(new Set(told).size, told.length, what);
    assert.ok(summaries(fake, pull).length <= 1, what);
  }
  assert.deepEqual(fake.complaints, [], story.join("; "));
}

for (let seed = FIRST; seed <= LAST; seed++) test(`day ${seed}`, (t) => day(t, seed));
