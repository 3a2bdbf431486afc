import type { GitRepository } from "./git-host.ts";

// What the fake knows, as plain records. What a caller of the API sees of them is in render.ts.

export type Role = "admin" | "maintain" | "write" | "triage" | "read" | "none";

export interface User {
  readonly id: number;
  readonly login: string;
  readonly type: "User" | "Bot" | "Organization";
}

export interface Repo {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly isPrivate: boolean;
  readonly defaultBranch: string;
  readonly git: GitRepository;
  /** Login -> role. Everybody reads a public repository. */
  readonly roles: Map<string, Role>;
  readonly parent: Repo | undefined;
  nextNumber: number;
}

export interface Pull {
  readonly id: number;
  readonly number: number;
  readonly repo: Repo;
  readonly author: User;
  readonly headRepo: Repo;
  readonly headRef: string;
  readonly createdAt: string;
  title: string;
  body: string;
  headSha: string;
  baseRef: string;
  /** The tip of the base when it was last looked at, as in the payloads: it may be stale. */
  baseSha: string;
  isOpen: boolean;
  isDraft: boolean;
  isLocked: boolean;
  mergedAt: string | undefined;
  closedAt: string | undefined;
  updatedAt: string;
  /** The test merge; undefined where it conflicts. */
  mergeSha: string | undefined;
  /** GitHub computes it when somebody asks; the first to ask is told null. */
  isMergeKnown: boolean;
}

export interface Reaction {
  readonly id: number;
  readonly user: User;
  readonly content: string;
  readonly createdAt: string;
}

export interface IssueComment {
  readonly id: number;
  readonly pull: Pull;
  readonly user: User;
  readonly createdAt: string;
  body: string;
  updatedAt: string;
  /** How often it was edited. */
  edits: number;
  readonly reactions: Reaction[];
}

export interface Review {
  readonly id: number;
  readonly pull: Pull;
  readonly user: User;
  readonly body: string;
  readonly state: "COMMENTED" | "APPROVED" | "CHANGES_REQUESTED";
  readonly commitId: string;
  readonly submittedAt: string;
}

export interface ReviewComment {
  readonly id: number;
  readonly review: Review;
  readonly pull: Pull;
  readonly user: User;
  readonly path: string;
  readonly side: "LEFT" | "RIGHT";
  readonly originalCommitId: string;
  readonly originalLine: number | undefined;
  readonly originalStartLine: number | undefined;
  readonly diffHunk: string;
  readonly inReplyTo: number | undefined;
  readonly createdAt: string;
  body: string;
  updatedAt: string;
  edits: number;
  commitId: string;
  /** Undefined: of the whole file, or outdated. */
  line: number | undefined;
  startLine: number | undefined;
  readonly isFile: boolean;
}

export interface CheckAnnotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly start_column?: number;
  readonly end_column?: number;
  readonly annotation_level: string;
  readonly message: string;
  readonly title?: string;
  readonly raw_details?: string;
}

export interface CheckSuite {
  readonly id: number;
  readonly repo: Repo;
  readonly app: App;
  readonly headSha: string;
  readonly createdAt: string;
}

export interface CheckRun {
  readonly id: number;
  readonly suite: CheckSuite;
  readonly name: string;
  readonly headSha: string;
  externalId: string;
  detailsUrl: string;
  status: "queued" | "in_progress" | "completed";
  conclusion: string | undefined;
  startedAt: string | undefined;
  completedAt: string | undefined;
  title: string | undefined;
  summary: string | undefined;
  text: string | undefined;
  readonly annotations: CheckAnnotation[];
  actions: readonly { readonly label: string; readonly description: string; readonly identifier: string }[];
  /** Each state that it was in, in order: "queued", "in_progress", "completed:neutral". */
  readonly history: string[];
}

export type Permissions = Readonly<Record<string, "read" | "write" | "admin">>;

export interface App {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
  readonly bot: User;
  readonly permissions: Permissions;
  readonly events: readonly string[];
}

export interface Installation {
  readonly id: number;
  readonly app: App;
  readonly account: User;
  readonly repos: Repo[];
  readonly createdAt: string;
  isSuspended: boolean;
}

export interface Token {
  readonly token: string;
  readonly installation: Installation;
  readonly permissions: Permissions;
  /** Undefined: all of the installation's. */
  readonly repoIds: readonly number[] | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface HookDelivery {
  readonly id: number;
  readonly guid: string;
  readonly deliveredAt: string;
  readonly isRedelivery: boolean;
  readonly event: string;
  readonly action: string | undefined;
  readonly installationId: number | undefined;
  readonly repositoryId: number | undefined;
  readonly payload: string;
  /** Seconds. */
  duration: number;
  status: string;
  statusCode: number;
}

export class World {
  readonly users = new Map<string, User>();
  readonly repos: Repo[] = [];
  readonly pulls: Pull[] = [];
  readonly issueComments: IssueComment[] = [];
  readonly reviews: Review[] = [];
  readonly reviewComments: ReviewComment[] = [];
  readonly checkSuites: CheckSuite[] = [];
  readonly checkRuns: CheckRun[] = [];
  readonly installations: Installation[] = [];
  readonly tokens = new Map<string, Token>();
  readonly deliveries: HookDelivery[] = [];
  readonly #now: () => number;
  #nextId = 1000;

  constructor(now: () => number) {
    this.#now = now;
  }

  newId(): number {
    return this.#nextId++;
  }

  /** Milliseconds since 1970. */
  time(): number {
    return this.#now();
  }

  /** As the API writes times: without milliseconds. */
  stamp(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, "Z");
  }

  user(login: string, type: User["type"] = "User"): User {
    const known = this.users.get(login.toLowerCase());
    if (known !== undefined) return known;
    const user = { id: this.newId(), login, type };
    this.users.set(login.toLowerCase(), user);
    return user;
  }

  repo(owner: string, name: string): Repo | undefined {
    const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
    return this.repos.find((repo) => same(repo.owner, owner) && same(repo.name, name));
  }

  pull(repo: Repo, number: number): Pull | undefined {
    return this.pulls.find((pull) => pull.repo === repo && pull.number === number);
  }

  role(repo: Repo, login: string): Role {
    if (login.toLowerCase() === repo.owner.toLowerCase()) return "admin";
    return repo.roles.get(login.toLowerCase()) ?? (repo.isPrivate ? "none" : "read");
  }

  removeIssueComment(comment: IssueComment): void {
    this.issueComments.splice(this.issueComments.indexOf(comment), 1);
  }

  removeReviewComment(comment: ReviewComment): void {
    this.reviewComments.splice(this.reviewComments.indexOf(comment), 1);
  }
}
