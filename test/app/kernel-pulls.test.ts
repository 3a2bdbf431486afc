import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Fault } from "../support/github/faults.ts";
import { kernelFiles, kernelRepository, resultOf, seen, serveApp } from "./serving.ts";

// Pull requests of the kernel, with real builds, by a service in a process of its own: what stands on them in the end.

const KERNEL = { owner: "acme", name: "linux" };
const SCM = "net/core/scm.c:279";
const COPY_PAGE = "arch/x86/lib/copy_page_64.S:59";
/** The return is far from the push that nobody takes back: the comment is at the push, the annotation at the return. */
const COPY_PAGE_RETURN = "arch/x86/lib/copy_page_64.S:90";
const BOTH = [`check neutral: ${COPY_PAGE_RETURN} ${SCM}`, `open ${COPY_PAGE}`, `open ${SCM}`, "summary"];

/** What the service looks through at its start, beside everything else. */
const LOOKING_BACK = new Set([
  "apps/list-webhook-deliveries",
  "apps/redeliver-webhook-delivery",
  "apps/list-installations",
  "apps/list-repos-accessible-to-installation",
  "pulls/list",
]);

/** A test posts more in a minute than GitHub would take. */
const RATES = { pointsPerMinute: 100_000, contentPerMinute: 10_000, contentPerHour: 10_000, searchPerMinute: 10_000 };

test("two defects, rechecks, a repair, a forced push, another base, a close during the build", async (t) => {
  const serving = await serveApp(t, { kernel: KERNEL });
  const { fake } = serving;
  const repo = kernelRepository(fake, "acme/linux");
  const { scm, copyPage } = kernelFiles(repo);
  fake.setRole(repo, "dev", "write");
  await serving.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [scm.bad, copyPage.bad] });
  await serving.settled(pull);
  assert.deepEqual(seen(fake, pull), BOTH);
  assert.equal(fake.state.reviews.length, 1, "both comments come with one review");
  const [check] = fake.checks(pull.headSha);
  assert.deepEqual([check?.history[0], check?.history.at(-1)], ["queued", "completed:neutral"]);

  const calls = fake.calls.length;
  for (let time = 0; time < 5; time++) await fake.redeliver(fake.lastDelivery("pull_request", "opened"));
  await serving.settled(pull);
  assert.deepEqual([seen(fake, pull), fake.calls.length], [BOTH, calls], "a redelivery asks for nothing");

  const refused = await fake.comment(pull, "mallory", "/objreview recheck");
  await serving.settled(pull);
  await serving.until("the stranger is answered", () => refused.reactions.length > 0);
  assert.deepEqual(
    refused.reactions.map(({ content, user }) => [content, user.login]),
    [["-1", "objreview[bot]"]],
  );
  assert.deepEqual([seen(fake, pull), fake.checks(pull.headSha).length], [BOTH, 1], "and nothing else happens");

  fake.setRole(repo, "maria", "maintain");
  const granted = await fake.comment(pull, "maria", "Once more, please.\n\n/objreview recheck");
  await serving.until("the maintainer's recheck is there", () => fake.checks(pull.headSha).length === 2);
  await serving.settled(pull);
  assert.deepEqual(
    granted.reactions.map(({ content }) => content),
    ["+1"],
  );
  assert.deepEqual(seen(fake, pull), [BOTH[0], ...BOTH], "another check, and nothing is said twice");

  const repaired = await fake.push(pull, { files: scm.good });
  await serving.settled(pull);
  const afterRepair = [
    `check neutral: ${COPY_PAGE_RETURN}`,
    "fixed net/core/scm.c:was 279",
    `open ${COPY_PAGE}`,
    "summary",
  ];
  assert.deepEqual(seen(fake, pull), afterRepair);
  assert.match(
    fake.lineComments(pull).find(({ path }) => path === "net/core/scm.c")!.body,
    new RegExp(repaired.slice(0, 12)),
  );

  // Another history with the same defect at another place of the file: it is known again, and not told again.
  const moved = fake.commit(repo, fake.tip(repo), copyPage.badBelow);
  await fake.push(pull, { sha: moved });
  await serving.settled(pull);
  const [, fixed, ...rest] = seen(fake, pull);
  assert.equal(fixed, "fixed net/core/scm.c:was 279");
  assert.deepEqual(rest, ["open arch/x86/lib/copy_page_64.S:61", "summary"]);

  const next = fake.commit(repo, fake.tip(repo), { "Documentation/next.rst": "Next\n" }, "next");
  assert.notEqual(next, fake.tip(repo));
  await fake.changeBase(pull, "next");
  await serving.settled(pull);
  assert.deepEqual(seen(fake, pull).slice(-3), [fixed, ...rest]);
  assert.equal(fake.checks(pull.headSha).length, 2, "another base is another review");
  assert.equal(fake.state.reviews.length, 1, "nothing that stands there is posted again");

  const last = await fake.push(pull, { files: scm.bad });
  await serving.until("it is being built", () => fake.checks(last)[0]?.status === "in_progress");
  await fake.close(pull);
  await serving.settled(pull);
  assert.deepEqual(
    fake.checks(last).map(({ conclusion }) => conclusion),
    ["cancelled"],
  );
  // The line is shown again, and what its comment says is what it said.
  assert.deepEqual(seen(fake, pull).slice(-3), ["fixed net/core/scm.c:279", ...rest]);
  assert.deepEqual(fake.complaints, []);
});

test("killed at every call and started again: each finding stands there once", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "objreview-result-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const result = join(dir, "review.json");
  const serving = await serveApp(t, { kernel: KERNEL, result, github: { rates: RATES } });
  const { fake } = serving;
  const repo = kernelRepository(fake, "acme/linux");
  const { scm, copyPage } = kernelFiles(repo);
  fake.setRole(repo, "dev", "write");
  await serving.start();
  const open = () => fake.openPull(repo, { author: "dev", commits: [{ ...scm.bad, ...copyPage.bad }] });
  const whole = await open();
  await serving.settled(whole);
  assert.deepEqual(seen(fake, whole), BOTH);
  // The builds are the same each time: one of them will do for the rest.
  writeFileSync(result, JSON.stringify(await resultOf(serving, whole)));

  const isOfReview: Fault["of"] = ({ operationId }) => !LOOKING_BACK.has(operationId);
  const killed = async (n: number, fault: Omit<Fault, "how">, what: string): Promise<void> => {
    let isKilled = false;
    const how = (): void => {
      isKilled = true;
      serving.kill();
    };
    fake.failAt(n, { ...fault, how });
    const pull = await open();
    await serving.until(what, async () => isKilled || (await serving.isSettled(pull)));
    fake.clearFaults();
    assert.ok(isKilled, `${what}: there was no such call`);
    await serving.start();
    await serving.settled(pull);
    assert.deepEqual(seen(fake, pull), BOTH, what);
    assert.equal(fake.state.reviews.filter((each) => each.pull === pull).length, 1, what);
  };
  const before = fake.calls.length;
  await serving.settled(await open());
  const ofOne = fake.calls.slice(before).filter(isOfReview);
  for (let n = 1; n <= ofOne.length; n++)
    await killed(n, { when: "before", of: isOfReview }, `killed before call ${n}`);
  // Of what changes something the answer may be lost too.
  const writes = new Set(ofOne.filter(({ method }) => method !== "get").map(({ operationId }) => operationId));
  assert.ok(writes.size >= 4, [...writes].join());
  for (const write of writes) {
    const of: Fault["of"] = ({ operationId }) => operationId === write;
    await killed(1, { when: "after", of }, `killed when ${write} had had its effect`);
  }
  assert.deepEqual(fake.complaints, []);
});
