// What was missed: deliveries that did not arrive while the service was down, and heads that nobody has told it about. At start and hourly.

import { errorWords, type Log } from "../service/log.ts";
import type { Store } from "../store/store.ts";
import { ourChecks } from "./checks.ts";
import type { Api, GitHub } from "./client.ts";
import { EVENTS, pullOrder } from "./events.ts";
import { placeOrders } from "./orders.ts";
import { pullTarget, type Repository } from "./work-request.ts";

export interface ReconcilerParts {
  readonly github: GitHub;
  readonly store: Store;
  readonly log: Log;
  readonly now: () => number;
}

const DAY = 24 * 3600 * 1000;
/** GitHub redelivers what is at most three days old (docs.github.com, "Redelivering webhooks"). */
const DELIVERIES_MILLIS = 3 * DAY - 3600 * 1000;
const MAX_DELIVERIES = 5000;
/** What failed so often fails for another reason than that nobody was there. */
const MAX_REDELIVERIES = 5;
/** A pull request that nobody has touched for so long waits until somebody does. */
const RECENT_MILLIS = 14 * DAY;
const SOURCE = "github-reconciler";

/** Everything, each part by itself: one repository that cannot be read keeps no other from its turn. */
export async function reconcile(parts: ReconcilerParts): Promise<void> {
  const attempt = async (what: string, work: () => Promise<number>): Promise<void> => {
    try {
      const found = await work();
      if (found > 0) parts.log("info", "reconciled", { what, found });
    } catch (error) {
      parts.log("warn", "not reconciled", { what, error: errorWords(error) });
    }
  };
  await attempt("deliveries", () => redeliverMissed(parts));
  let installations: number[] = [];
  await attempt("installations", async () => {
    const all = await parts.github.app.paginate(parts.github.app.rest.apps.listInstallations, { per_page: 100 });
    installations = all.filter(({ suspended_at }) => !suspended_at).map(({ id }) => Number(id));
    return 0;
  });
  for (const id of installations) await attempt(`installation ${id}`, () => catchUp(parts, id));
}

/** Asks for deliveries again of which no attempt succeeded; how many. */
export async function redeliverMissed({ github, now }: ReconcilerParts): Promise<number> {
  const heard = new Set<string>(EVENTS);
  const succeeded = new Set<string>();
  const failed = new Map<string, { newest: number; attempts: number }>();
  let seen = 0;
  const pages = github.app.paginate.iterator("GET /app/hook/deliveries", { per_page: 100 });
  // Newest first.
  for await (const { data } of pages) {
    let isOld = false;
    for (const each of data) {
      seen++;
      isOld ||= now() - Date.parse(each.delivered_at) > DELIVERIES_MILLIS;
      if (isOld || !heard.has(each.event)) continue;
      if (each.status_code >= 200 && each.status_code < 300) succeeded.add(each.guid);
      else {
        const known = failed.get(each.guid);
        failed.set(each.guid, { newest: known?.newest ?? Number(each.id), attempts: (known?.attempts ?? 0) + 1 });
      }
    }
    if (isOld || seen >= MAX_DELIVERIES) break;
  }
  let asked = 0;
  // Oldest first, as they would have come.
  for (const [guid, { newest, attempts }] of [...failed].reverse()) {
    if (succeeded.has(guid) || attempts > MAX_REDELIVERIES) continue;
    await github.app.request("POST /app/hook/deliveries/{delivery_id}/attempts", { delivery_id: newest });
    asked++;
  }
  return asked;
}

/** Orders reviews of open heads of one installation that have none; how many. */
export async function catchUp(parts: ReconcilerParts, installation: number): Promise<number> {
  const api = await parts.github.installation(installation);
  const repositories = await api.paginate(api.rest.apps.listReposAccessibleToInstallation, { per_page: 100 });
  let found = 0;
  for (const { name, owner, archived } of repositories) {
    if (!archived) found += await catchUpRepository(parts, api, { installation, owner: owner.login, repo: name });
  }
  return found;
}

async function catchUpRepository(parts: ReconcilerParts, api: Api, repository: Repository): Promise<number> {
  const { owner, repo } = repository;
  const options = { owner, repo, state: "open", sort: "updated", direction: "desc", per_page: 100 } as const;
  let found = 0;
  for await (const { data } of api.paginate.iterator(api.rest.pulls.list, options)) {
    for (const pull of data) {
      if (parts.now() - Date.parse(pull.updated_at) > RECENT_MILLIS) return found;
      const { number, head, base } = pull;
      if (await orderMissing(parts, api, repository, { number, head: head.sha, baseRef: base.ref })) found++;
    }
  }
  return found;
}

interface OpenHead {
  readonly number: number;
  readonly head: string;
  readonly baseRef: string;
}

async function orderMissing(
  { github, store }: ReconcilerParts,
  api: Api,
  repository: Repository,
  { number, head, baseRef }: OpenHead,
): Promise<boolean> {
  const target = pullTarget(repository, number);
  const reviews = await store.reviews(target);
  const ofHead = reviews.filter((each) => each.head === head && each.base === baseRef);
  // One that was cancelled or superseded is none: the pull request is open, and this is its head.
  if (ofHead.some(({ state }) => state !== "cancelled" && state !== "superseded")) return false;
  if (ofHead.length === 0) {
    // A store that was lost: what people see there has been said.
    const { id } = await github.identity();
    const runs = await ourChecks(api, repository, id, head);
    if (runs.some(({ isCompleted }) => isCompleted)) return false;
  }
  const order = pullOrder(repository, number, head, baseRef, { priority: 0 });
  const placed = await placeOrders(store, SOURCE, `${target} ${head} ${baseRef} ${reviews.length}`, [order]);
  return placed.length > 0;
}
