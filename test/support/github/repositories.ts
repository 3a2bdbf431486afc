import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type FileEdits, GitRepository } from "./git-host.ts";
import type { App, Installation, Permissions, Repo, User, World } from "./world.ts";

// Where repositories come from, and which App is installed in which.

export interface RepoOptions {
  /** Files of the first commit of the default branch. */
  readonly files?: FileEdits;
  /** The objects folder of another repository, and the commit of it that the default branch begins with. */
  readonly borrow?: { readonly objects: string; readonly commit: string };
  readonly isPrivate?: boolean;
  /** The App is not installed there. */
  readonly isForeign?: boolean;
}

export class Repositories {
  readonly #world: World;
  readonly #app: App;
  readonly #dir: string;

  /** `dir`: a folder for the repositories. `app` is installed in each that is not foreign. */
  constructor(world: World, app: App, dir: string) {
    this.#world = world;
    this.#app = app;
    this.#dir = dir;
  }

  create(fullName: string, options: RepoOptions): Repo {
    const git = GitRepository.create(this.#path(fullName), options.borrow?.objects);
    const first = options.borrow?.commit ?? git.commit({ message: "first", files: options.files ?? { README: "x\n" } });
    const base =
      options.borrow !== undefined && options.files !== undefined
        ? git.commit({ parent: first, message: "set-up", files: options.files })
        : first;
    git.setRef("refs/heads/main", base);
    git.run(["symbolic-ref", "HEAD", "refs/heads/main"]);
    return this.#add(fullName, git, options, undefined);
  }

  /** The fork that `owner` has of it; made when there is none. Its default branch begins at `tip`. */
  fork(repo: Repo, owner: string, tip: string): Repo {
    const known = this.#world.repos.find((each) => each.parent === repo && each.owner === owner);
    if (known !== undefined) return known;
    const fullName = `${owner}/${repo.name}`;
    const git = GitRepository.create(this.#path(fullName), join(repo.git.dir, "objects"));
    git.setRef("refs/heads/main", tip);
    return this.#add(fullName, git, { isPrivate: repo.isPrivate, isForeign: true }, repo);
  }

  /** GITHUB_TOKEN of a workflow in the repository: another App than ours. */
  workflowToken(repo: Repo, permissions: Permissions): string {
    const bot = this.#world.user("github-actions[bot]", "Bot");
    const known = this.#world.installations.find((each) => each.app.slug === "github-actions")?.app;
    const app = known ?? {
      id: 15368,
      slug: "github-actions",
      name: "GitHub Actions",
      bot,
      permissions: {},
      events: [],
    };
    const installation = this.#installationOf(app, this.#world.user(repo.owner));
    if (!installation.repos.includes(repo)) installation.repos.push(repo);
    const token = `ghs_${randomBytes(18).toString("hex")}`;
    const expiresAt = this.#world.time() + 3_600_000;
    this.#world.tokens.set(token, { token, installation, permissions, repoIds: [repo.id], expiresAt });
    return token;
  }

  #path(fullName: string): string {
    const [owner = "", name = ""] = fullName.split("/");
    return join(this.#dir, owner, `${name}.git`);
  }

  #add(fullName: string, git: GitRepository, options: RepoOptions, parent: Repo | undefined): Repo {
    const [owner = "", name = ""] = fullName.split("/");
    const account = this.#world.user(owner);
    const repo: Repo = {
      id: this.#world.newId(),
      owner,
      name,
      isPrivate: options.isPrivate ?? false,
      defaultBranch: "main",
      git,
      roles: new Map(),
      parent,
      nextNumber: 1,
    };
    this.#world.repos.push(repo);
    if (options.isForeign !== true) this.#installationOf(this.#app, account).repos.push(repo);
    return repo;
  }

  #installationOf(app: App, account: User): Installation {
    const { installations } = this.#world;
    const known = installations.find((each) => each.app.id === app.id && each.account === account);
    if (known !== undefined) return known;
    const createdAt = this.#world.stamp();
    const made: Installation = { id: this.#world.newId(), app, account, repos: [], createdAt, isSuspended: false };
    installations.push(made);
    return made;
  }
}
