import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { parse } from "yaml";
import { readRepositoryFile } from "../repository.ts";
import { Description } from "./description.ts";
import { readDiff } from "./diff.ts";
import type { Fault } from "./faults.ts";
import type { FileEdits } from "./git-host.ts";
import { followHead, moveHead, remerge, tipOf } from "./heads.ts";
import { Hooks } from "./hooks.ts";
import { pullAt, showPage } from "./pages.ts";
import { GITHUB_RATES, type RateLimits } from "./rates.ts";
import { Render } from "./render.ts";
import { type RepoOptions, Repositories } from "./repositories.ts";
import { suiteOf } from "./routes-checks.ts";
import { addIssueComment } from "./routes-comments.ts";
import { reply } from "./routes-pulls.ts";
import { API_ROOT, FakeServer, type RecordedCall } from "./server.ts";
import { visit } from "./visitor.ts";
import type {
  App,
  CheckRun,
  HookDelivery,
  IssueComment,
  Permissions,
  Pull,
  Repo,
  ReviewComment,
  Role,
  User,
} from "./world.ts";
import { World } from "./world.ts";

// A GitHub of one's own on 127.0.0.1: it keeps what it is told, refuses what GitHub refuses, serves git, and sends webhooks. `complaints` collects
// what a caller did that GitHub would have taken badly or not at all; a test ends with none.

export interface FakeGitHubOptions {
  /** A folder for the repositories; the caller removes it. */
  readonly dir: string;
  /** A free one when absent. */
  readonly port?: number;
  readonly permissions?: Permissions;
  readonly events?: readonly string[];
  readonly rates?: Partial<RateLimits>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly deadlineMillis?: number;
}

export interface OpenPullOptions {
  readonly author: string;
  readonly title?: string;
  readonly body?: string;
  readonly base?: string;
  readonly branch?: string;
  /** One commit each, on top of the base. */
  readonly commits?: readonly FileEdits[];
  /** A commit that there is already, in place of these. */
  readonly head?: string;
  /** Owner of the fork that the branch is in. */
  readonly fork?: string;
  readonly isDraft?: boolean;
}

/** What app.yml asks for is what the App has: a call or an event that it forgets is missed here too. */
function readManifest(): { readonly default_permissions: Permissions; readonly default_events: readonly string[] } {
  return parse(readRepositoryFile("app.yml"));
}

export class FakeGitHub {
  readonly state: World;
  readonly hooks: Hooks;
  /** What the App is configured with. */
  readonly app: App & { readonly privateKey: string; readonly webhookSecret: string };
  /** Root of the REST API. */
  readonly url: string;
  readonly webUrl: string;
  readonly complaints: string[];
  readonly #server: FakeServer;
  readonly #repositories: Repositories;

  constructor(
    parts: Pick<FakeGitHub, "state" | "hooks" | "app" | "webUrl" | "complaints"> & {
      readonly server: FakeServer;
      readonly dir: string;
    },
  ) {
    this.state = parts.state;
    this.hooks = parts.hooks;
    this.app = parts.app;
    this.webUrl = parts.webUrl;
    this.url = parts.webUrl + API_ROOT;
    this.complaints = parts.complaints;
    this.#server = parts.server;
    this.#repositories = new Repositories(parts.state, parts.app, parts.dir);
  }

  get calls(): RecordedCall[] {
    return this.#server.calls;
  }

  get gitRequests(): string[] {
    return this.#server.gitRequests;
  }

  gitUrl(repo: Pick<Repo, "owner" | "name">): string {
    return `${this.webUrl}/${repo.owner}/${repo.name}.git`;
  }

  pullUrl(pull: Pull): string {
    return `${this.webUrl}/${pull.repo.owner}/${pull.repo.name}/pull/${pull.number}`;
  }

  /** At the n-th call of the REST API from now on; 1 is the next. */
  failAt(n: number, fault: Fault): void {
    this.#server.faults.plan(n, fault);
  }

  clearFaults(): void {
    this.#server.faults.clear();
  }

  /** Webhooks go there from now on. */
  listenAt(url: string | undefined): void {
    this.hooks.url = url;
  }

  /** Until no webhook is under way. */
  async settled(): Promise<void> {
    await this.hooks.settled();
  }

  async stop(): Promise<void> {
    this.hooks.url = undefined;
    await this.#server.close();
  }

  user(login: string, type: User["type"] = "User"): User {
    return this.state.user(login, type);
  }

  repo(fullName: string, options: RepoOptions = {}): Repo {
    return this.#repositories.create(fullName, options);
  }

  /** GITHUB_TOKEN of a workflow in the repository: another App than ours. */
  workflowToken(repo: Repo, permissions: Permissions): string {
    return this.#repositories.workflowToken(repo, permissions);
  }

  setRole(repo: Repo, login: string, role: Role): void {
    this.user(login);
    repo.roles.set(login.toLowerCase(), role);
  }

  /** A commit that no branch names yet; with `branch`, it is that branch's tip. */
  commit(repo: Repo, parent: string, files: FileEdits, branch?: string): string {
    const sha = repo.git.commit({ parent, message: `change ${Object.keys(files).join(", ")}`, files });
    if (branch !== undefined) repo.git.setRef(`refs/heads/${branch}`, sha);
    return sha;
  }

  tip(repo: Repo, branch = "main"): string {
    return tipOf(repo, branch);
  }

  /** Pushes to a branch that pull requests are based on: they hear nothing of it, as on GitHub. */
  pushBase(repo: Repo, files: FileEdits, branch = "main"): string {
    const sha = this.commit(repo, this.tip(repo, branch), files, branch);
    for (const pull of this.state.pulls.filter((each) => each.repo === repo && each.baseRef === branch)) {
      if (pull.isOpen) remerge(pull);
    }
    return sha;
  }

  async openPull(repo: Repo, options: OpenPullOptions): Promise<Pull> {
    const { author, fork, base = "main" } = options;
    const number = repo.nextNumber++;
    const headRef = options.branch ?? `topic-${number}`;
    const headRepo = fork === undefined ? repo : this.#repositories.fork(repo, fork, this.tip(repo));
    const baseSha = this.tip(repo, base);
    // A fork's objects are in the network's one store, as GitHub keeps them; the fork itself only names them.
    const commits = options.commits ?? [];
    const headSha = options.head ?? commits.reduce((parent, files) => this.commit(repo, parent, files), baseSha);
    const at = this.state.stamp();
    const pull: Pull = {
      id: this.state.newId(),
      number,
      repo,
      author: this.user(author),
      headRepo,
      headRef,
      createdAt: at,
      updatedAt: at,
      title: options.title ?? `Change ${number}`,
      body: options.body ?? "",
      headSha,
      baseRef: base,
      baseSha,
      isOpen: true,
      isDraft: options.isDraft ?? false,
      isLocked: false,
      mergedAt: undefined,
      closedAt: undefined,
      mergeSha: undefined,
      isMergeKnown: false,
    };
    this.state.pulls.push(pull);
    moveHead(pull, headSha);
    this.#suite(pull);
    await this.hooks.pull("opened", pull, pull.author);
    return pull;
  }

  /** GitHub makes a suite for each push, in the repository that was pushed to. */
  #suite(pull: Pull): void {
    if (pull.headRepo !== pull.repo) return;
    const suite = suiteOf({ world: this.state }, pull.repo, pull.headSha, this.app);
    void this.hooks.checkSuite("requested", suite, pull.author);
  }

  /** Another commit on top of the head, or any head at all (a forced push, if the old one is not below it). */
  async push(pull: Pull, change: { readonly files: FileEdits } | { readonly sha: string }): Promise<string> {
    const before = pull.headSha;
    const after = "sha" in change ? change.sha : this.commit(pull.repo, before, change.files);
    moveHead(pull, after);
    pull.updatedAt = this.state.stamp();
    const shown = readDiff(pull.repo.git.pullDiff(pull.baseSha, after));
    for (const comment of this.lineComments(pull)) followHead(comment, after, shown);
    if (pull.isOpen) {
      this.#suite(pull);
      await this.hooks.pull("synchronize", pull, pull.author, { before, after });
    }
    return after;
  }

  async changeBase(pull: Pull, branch: string): Promise<void> {
    const from = { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } };
    pull.baseRef = branch;
    remerge(pull);
    await this.hooks.pull("edited", pull, pull.author, { changes: { base: from } });
  }

  async retitle(pull: Pull, title: string): Promise<void> {
    const from = pull.title;
    pull.title = title;
    await this.hooks.pull("edited", pull, pull.author, { changes: { title: { from } } });
  }

  async close(pull: Pull, isMerged = false): Promise<void> {
    pull.isOpen = false;
    pull.closedAt = this.state.stamp();
    if (isMerged) {
      pull.mergedAt = pull.closedAt;
      if (pull.mergeSha !== undefined) pull.repo.git.setRef(`refs/heads/${pull.baseRef}`, pull.mergeSha);
    }
    await this.hooks.pull("closed", pull, pull.author);
  }

  async reopen(pull: Pull): Promise<void> {
    pull.isOpen = true;
    pull.closedAt = undefined;
    remerge(pull);
    await this.hooks.pull("reopened", pull, pull.author);
  }

  async markReady(pull: Pull): Promise<void> {
    pull.isDraft = false;
    await this.hooks.pull("ready_for_review", pull, pull.author);
  }

  async comment(pull: Pull, login: string, body: string): Promise<IssueComment> {
    const comment = addIssueComment({ world: this.state }, pull, this.user(login), body);
    await this.hooks.issueComment("created", comment, comment.user);
    return comment;
  }

  async editComment(comment: IssueComment, login: string, body: string): Promise<void> {
    comment.body = body;
    comment.updatedAt = this.state.stamp();
    comment.edits++;
    await this.hooks.issueComment("edited", comment, this.user(login));
  }

  replyTo(comment: ReviewComment, login: string, body: string): ReviewComment {
    return reply({ world: this.state }, comment, this.user(login), body);
  }

  /** "Re-run" of one check. */
  async rerequest(run: CheckRun, login: string): Promise<void> {
    await this.hooks.checkRun("rerequested", run, this.user(login));
  }

  /** One of the buttons of a check; without write access GitHub shows none. */
  async click(run: CheckRun, identifier: string, login: string): Promise<void> {
    const has = run.actions.some((each) => each.identifier === identifier);
    if (!has) throw new Error(`the check has no button ${identifier}`);
    await this.hooks.checkRun("requested_action", run, this.user(login), { requested_action: { identifier } });
  }

  /** "Re-run all checks". */
  async rerequestSuite(run: CheckRun, login: string): Promise<void> {
    await this.hooks.checkSuite("rerequested", run.suite, this.user(login));
  }

  async redeliver(delivery: HookDelivery): Promise<HookDelivery | undefined> {
    const payload = JSON.parse(delivery.payload) as Record<string, unknown>;
    return this.hooks.send(delivery.event, delivery.action, payload, delivery);
  }

  /** The newest delivery of the event. */
  lastDelivery(event: string, action?: string): HookDelivery {
    const found = this.state.deliveries.filter(
      (each) => each.event === event && (action ?? each.action) === each.action,
    );
    const last = found[found.length - 1];
    if (last === undefined) throw new Error(`${event} was never sent`);
    return last;
  }

  /** Check runs of ours on a commit, oldest first. */
  checks(sha: string): CheckRun[] {
    return this.state.checkRuns.filter((run) => run.headSha === sha);
  }

  lineComments(pull: Pull): ReviewComment[] {
    return this.state.reviewComments.filter((each) => each.pull === pull);
  }

  conversation(pull: Pull): IssueComment[] {
    return this.state.issueComments.filter((each) => each.pull === pull);
  }
}

export async function startFakeGitHub(options: FakeGitHubOptions): Promise<FakeGitHub> {
  const now = options.now ?? Date.now;
  const state = new World(now);
  const manifest = readManifest();
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const app: App & { privateKey: string; webhookSecret: string } = {
    id: 4711,
    slug: "objreview",
    name: "objreview",
    bot: state.user("objreview[bot]", "Bot"),
    permissions: options.permissions ?? manifest.default_permissions,
    events: options.events ?? manifest.default_events,
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    webhookSecret: randomBytes(16).toString("hex"),
  };
  const complaints: string[] = [];
  const complain = (text: string): void => void complaints.push(text);
  const description = new Description();
  await description.init();
  mkdirSync(options.dir, { recursive: true });
  const server = new FakeServer({
    world: state,
    description,
    key: { app, publicKey },
    limits: { ...GITHUB_RATES, ...options.rates },
    gitRoot: options.dir,
    complain,
    showPage: (path) => showPage(state, path),
    takeForm: async (path, fields) => {
      const pull = pullAt(state, path);
      if (pull !== undefined) await visit(fake, pull, fields);
    },
  });
  const webUrl = await server.listen(options.port ?? 0);
  const render = new Render(state, webUrl + API_ROOT, webUrl);
  const deadlineMillis = options.deadlineMillis ?? 10_000;
  const hooks = new Hooks({ world: state, render, app, secret: app.webhookSecret, deadlineMillis, complain });
  server.link(render, hooks);
  const fake = new FakeGitHub({ state, hooks, app, webUrl, complaints, server, dir: options.dir });
  return fake;
}
