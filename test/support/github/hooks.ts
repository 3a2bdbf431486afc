import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Render } from "./render.ts";
import type {
  App,
  CheckRun,
  CheckSuite,
  HookDelivery,
  Installation,
  IssueComment,
  Pull,
  Repo,
  User,
  World,
} from "./world.ts";

// Webhooks: GitHub's published examples with the fake's own facts put over them, signed, sent once, and kept for the list of deliveries.

type Json = { readonly [key: string]: unknown };

const EXAMPLES = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../fixtures/github/webhooks.json", import.meta.url)), "utf8"),
) as Record<string, Record<string, Json>>;

/** None of these is published with that action; the nearest that is. */
const NEAREST: Readonly<Record<string, string>> = { "pull_request.edited": "opened", "pull_request.locked": "opened" };

const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === "object" && !Array.isArray(value);

function merge(example: Json, own: Json): Json {
  const merged: Record<string, unknown> = { ...example };
  for (const [key, value] of Object.entries(own)) {
    const under = merged[key];
    merged[key] = isObject(under) && isObject(value) ? merge(under, value) : value;
  }
  return merged;
}

export interface HooksOptions {
  readonly world: World;
  readonly render: Render;
  readonly app: App;
  readonly secret: string;
  /** GitHub's: 10 000. */
  readonly deadlineMillis: number;
  /** Told of an answer that came too late, and of one that is no 2xx. */
  readonly complain: (text: string) => void;
}

export class Hooks {
  readonly #options: HooksOptions;
  readonly #pending = new Set<Promise<unknown>>();
  /** Where they go; undefined: nowhere, and they are not kept either. */
  url: string | undefined;
  /** "lose": they are listed as failed, as when nobody listens. */
  mode: "send" | "lose" = "send";

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  /** Waits until nothing is under way. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  pull(action: string, pull: Pull, sender: User, more: Json = {}): Promise<HookDelivery | undefined> {
    const own = { number: pull.number, pull_request: this.#options.render.pull(pull), ...more };
    return this.#emit("pull_request", action, pull.repo, sender, own);
  }

  issueComment(action: string, comment: IssueComment, sender: User): Promise<HookDelivery | undefined> {
    const { render } = this.#options;
    const { pull } = comment;
    const simple = render.pullSimple(pull) as Json;
    const issue = Object.fromEntries(
      ["number", "title", "user", "state", "locked", "body", "created_at", "updated_at", "closed_at", "draft"].map(
        (key) => [key, simple[key]],
      ),
    );
    // An issue that has this field is a pull request.
    const link = { url: simple.url, html_url: simple.html_url, diff_url: simple.diff_url, patch_url: simple.patch_url };
    const own = {
      issue: { ...issue, url: simple.issue_url, html_url: simple.html_url, pull_request: { ...link, merged_at: null } },
      comment: render.issueComment(comment),
    };
    return this.#emit("issue_comment", action, pull.repo, sender, own);
  }

  checkRun(action: string, run: CheckRun, sender: User, more: Json = {}): Promise<HookDelivery | undefined> {
    const { render } = this.#options;
    const shown = { ...render.checkRun(run), check_suite: render.checkSuite(run.suite) };
    return this.#emit("check_run", action, run.suite.repo, sender, { check_run: shown, ...more });
  }

  checkSuite(action: string, suite: CheckSuite, sender: User): Promise<HookDelivery | undefined> {
    return this.#emit("check_suite", action, suite.repo, sender, {
      check_suite: this.#options.render.checkSuite(suite),
    });
  }

  mergeGroup(
    repo: Repo,
    baseRef: string,
    baseSha: string,
    headSha: string,
    sender: User,
  ): Promise<HookDelivery | undefined> {
    const merge_group = {
      head_sha: headSha,
      head_ref: `refs/heads/gh-readonly-queue/${baseRef}/pr-1-${baseSha}`,
      base_sha: baseSha,
      base_ref: `refs/heads/${baseRef}`,
    };
    return this.#emit("merge_group", "checks_requested", repo, sender, { merge_group });
  }

  installation(event: string, action: string, installation: Installation, sender: User, more: Json = {}) {
    const { render } = this.#options;
    const own = { installation: render.installation(installation), sender: render.user(sender), ...more };
    return this.send(event, action, this.#fill(event, action, own));
  }

  ping(): Promise<HookDelivery | undefined> {
    return this.send("ping", undefined, EXAMPLES.ping![""]!);
  }

  #fill(event: string, action: string, own: Json): Json {
    const example = EXAMPLES[event]?.[action] ?? EXAMPLES[event]?.[NEAREST[`${event}.${action}`] ?? ""];
    if (example === undefined) throw new Error(`no example of ${event}.${action} is known`);
    const merged = JSON.stringify(merge(example, { action, ...own }));
    // Addresses in the examples lead to the real GitHub.
    const { api, web } = this.#options.render;
    const repository = own.repository as { full_name?: string } | undefined;
    const local = merged
      .replace(/https:\/\/api\.github\.com\/repos\/[\w-]+\/[\w-]+/g, `${api}/repos/${repository?.full_name}`)
      .replaceAll("https://api.github.com", api)
      .replaceAll("https://github.com", web);
    return JSON.parse(local) as Json;
  }

  async #emit(event: string, action: string, repo: Repo, sender: User, own: Json): Promise<HookDelivery | undefined> {
    const { world, render, app } = this.#options;
    const installation = world.installations.find((each) => each.app === app && each.repos.includes(repo));
    // Nobody sends anything to where the App is not installed, and what it has not asked for comes only where it must.
    const always = /^(check_run\.(rerequested|requested_action)|check_suite\.(requested|rerequested))$/;
    const isWanted = app.events.includes(event) || always.test(`${event}.${action}`);
    if (installation === undefined || installation.isSuspended || !isWanted) return undefined;
    const around = {
      repository: render.repo(repo),
      sender: render.user(sender),
      installation: { id: installation.id },
    };
    return this.send(event, action, this.#fill(event, action, { ...own, ...around }));
  }

  /** `of`: the delivery that this one repeats. Resolves when the answer is there, or the deadline is over. */
  async send(event: string, action: string | undefined, payload: Json, of?: HookDelivery) {
    const { url } = this;
    if (url === undefined) return undefined;
    const sending = this.#deliver(url, event, action, payload, of);
    this.#pending.add(sending);
    try {
      return await sending;
    } finally {
      this.#pending.delete(sending);
    }
  }

  async #deliver(url: string, event: string, action: string | undefined, payload: Json, of?: HookDelivery) {
    const { world, secret, deadlineMillis, complain, app } = this.#options;
    const text = JSON.stringify(payload);
    const delivery: HookDelivery = {
      id: world.newId(),
      guid: of?.guid ?? randomUUID(),
      deliveredAt: world.stamp(),
      isRedelivery: of !== undefined,
      event,
      action,
      installationId: (payload.installation as { id?: number } | undefined)?.id,
      repositoryId: (payload.repository as { id?: number } | undefined)?.id,
      payload: text,
      duration: 0,
      status: "failed to connect to host",
      statusCode: 0,
    };
    if (this.mode === "lose") {
      world.deliveries.push(delivery);
      return delivery;
    }
    const start = performance.now();
    try {
      const answer = await fetch(url, {
        method: "POST",
        body: text,
        signal: AbortSignal.timeout(deadlineMillis),
        headers: {
          accept: "*/*",
          "content-type": "application/json",
          "user-agent": "GitHub-Hookshot/f4ke000",
          "x-github-delivery": delivery.guid,
          "x-github-event": event,
          "x-github-hook-id": "1",
          "x-github-hook-installation-target-id": String(app.id),
          "x-github-hook-installation-target-type": "integration",
          "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`,
        },
      });
      await answer.body?.cancel();
      delivery.statusCode = answer.status;
      delivery.status = answer.ok ? "OK" : `Invalid HTTP Response: ${answer.status}`;
      if (!answer.ok) complain(`${event}.${action} was answered with ${answer.status}`);
    } catch (error) {
      const isLate = (error as Error).name === "TimeoutError";
      delivery.status = isLate ? "timed out" : "failed to connect to host";
      if (isLate) complain(`${event}.${action} was not answered within ${deadlineMillis} ms`);
    }
    // One that is under way is not listed yet.
    world.deliveries.push(delivery);
    delivery.duration = Math.round((performance.now() - start) / 10) / 100;
    return delivery;
  }
}
