import { type DiffFile, readDiff } from "./diff.ts";
import type {
  App,
  CheckAnnotation,
  CheckRun,
  CheckSuite,
  HookDelivery,
  Installation,
  IssueComment,
  Pull,
  Reaction,
  Repo,
  Review,
  ReviewComment,
  User,
  World,
} from "./world.ts";

// The records as the API shows them. What is not given here is never read by a caller that we know; what is given is held to the description.

type Json = Readonly<Record<string, unknown>>;

const nodeId = (kind: string, id: number): string => `${kind}_${id.toString(36)}`;

export class Render {
  readonly world: World;
  readonly api: string;
  readonly web: string;

  constructor(world: World, api: string, web: string) {
    this.world = world;
    this.api = api;
    this.web = web;
  }

  user({ id, login, type }: User): Json {
    const page = type === "Bot" ? `apps/${login.replace(/\[bot\]$/, "")}` : login;
    return {
      login,
      id,
      node_id: nodeId("U", id),
      avatar_url: `${this.web}/avatars/u/${id}`,
      gravatar_id: "",
      url: `${this.api}/users/${encodeURIComponent(login)}`,
      html_url: `${this.web}/${page}`,
      type,
      site_admin: false,
    };
  }

  #repoUrl(repo: Repo): string {
    return `${this.api}/repos/${repo.owner}/${repo.name}`;
  }

  #pullUrl(pull: Pull): string {
    return `${this.#repoUrl(pull.repo)}/pulls/${pull.number}`;
  }

  pullPage(pull: Pull): string {
    return `${this.web}/${pull.repo.owner}/${pull.repo.name}/pull/${pull.number}`;
  }

  repo(repo: Repo): Json {
    const page = `${this.web}/${repo.owner}/${repo.name}`;
    return {
      id: repo.id,
      node_id: nodeId("R", repo.id),
      name: repo.name,
      full_name: `${repo.owner}/${repo.name}`,
      owner: this.user(this.world.user(repo.owner)),
      private: repo.isPrivate,
      html_url: page,
      description: null,
      fork: repo.parent !== undefined,
      url: this.#repoUrl(repo),
      clone_url: `${page}.git`,
      default_branch: repo.defaultBranch,
      archived: false,
      disabled: false,
      visibility: repo.isPrivate ? "private" : "public",
    };
  }

  #association(pull: Pull): string {
    const { repo, author } = pull;
    if (repo.owner === author.login) return "OWNER";
    const role = this.world.role(repo, author.login);
    if (repo.roles.has(author.login.toLowerCase()) && role !== "none") return "COLLABORATOR";
    const merged = this.world.pulls.some((each) => each.repo === repo && each.author === author && each.mergedAt);
    return merged ? "CONTRIBUTOR" : "FIRST_TIME_CONTRIBUTOR";
  }

  pullSimple(pull: Pull): Json {
    const url = this.#pullUrl(pull);
    const side = (repo: Repo, ref: string, sha: string): Json => ({
      label: `${repo.owner}:${ref}`,
      ref,
      sha,
      user: this.user(this.world.user(repo.owner)),
      repo: this.repo(repo),
    });
    const issue = `${this.#repoUrl(pull.repo)}/issues/${pull.number}`;
    return {
      url,
      id: pull.id,
      node_id: nodeId("PR", pull.id),
      html_url: this.pullPage(pull),
      diff_url: `${this.pullPage(pull)}.diff`,
      patch_url: `${this.pullPage(pull)}.patch`,
      issue_url: issue,
      commits_url: `${url}/commits`,
      comments_url: `${issue}/comments`,
      review_comments_url: `${url}/comments`,
      number: pull.number,
      state: pull.isOpen ? "open" : "closed",
      locked: pull.isLocked,
      title: pull.title,
      user: this.user(pull.author),
      body: pull.body,
      labels: [],
      created_at: pull.createdAt,
      updated_at: pull.updatedAt,
      closed_at: pull.closedAt ?? null,
      merged_at: pull.mergedAt ?? null,
      merge_commit_sha: pull.isMergeKnown ? (pull.mergeSha ?? null) : null,
      assignees: [],
      requested_reviewers: [],
      head: side(pull.headRepo, pull.headRef, pull.headSha),
      base: side(pull.repo, pull.baseRef, pull.baseSha),
      author_association: this.#association(pull),
      draft: pull.isDraft,
    };
  }

  pull(pull: Pull): Json {
    const { git } = pull.repo;
    const files = readDiff(git.pullDiff(pull.baseSha, pull.headSha));
    const sum = (of: (file: DiffFile) => number): number => files.reduce((total, file) => total + of(file), 0);
    const mergeable = pull.isMergeKnown ? pull.mergeSha !== undefined : null;
    return {
      ...this.pullSimple(pull),
      merged: pull.mergedAt !== undefined,
      mergeable,
      mergeable_state: mergeable === null ? "unknown" : mergeable ? "clean" : "dirty",
      comments: this.world.issueComments.filter((each) => each.pull === pull).length,
      review_comments: this.world.reviewComments.filter((each) => each.pull === pull).length,
      maintainer_can_modify: true,
      commits: git.commits(pull.baseSha, pull.headSha).length,
      additions: sum(({ additions }) => additions),
      deletions: sum(({ deletions }) => deletions),
      changed_files: files.length,
    };
  }

  diffEntry(repo: Repo, sha: string, file: DiffFile): Json {
    return {
      sha: file.blob,
      filename: file.path,
      status: file.status,
      additions: file.additions,
      deletions: file.deletions,
      changes: file.additions + file.deletions,
      blob_url: `${this.web}/${repo.owner}/${repo.name}/blob/${sha}/${file.path}`,
      raw_url: `${this.web}/${repo.owner}/${repo.name}/raw/${sha}/${file.path}`,
      contents_url: `${this.#repoUrl(repo)}/contents/${encodeURIComponent(file.path)}?ref=${sha}`,
      ...(file.previousPath === undefined ? {} : { previous_filename: file.previousPath }),
      ...(file.patch === undefined ? {} : { patch: file.patch }),
    };
  }

  commit(repo: Repo, sha: string): Json {
    const { tree, parents, message, author } = repo.git.facts(sha);
    const url = `${this.#repoUrl(repo)}/commits/${sha}`;
    return {
      url,
      sha,
      node_id: `C_${sha}`,
      html_url: `${this.web}/${repo.owner}/${repo.name}/commit/${sha}`,
      comments_url: `${url}/comments`,
      commit: {
        url: `${this.#repoUrl(repo)}/git/commits/${sha}`,
        author,
        committer: author,
        message,
        comment_count: 0,
        tree: { sha: tree, url: `${this.#repoUrl(repo)}/git/trees/${tree}` },
      },
      author: null,
      committer: null,
      parents: parents.map((parent) => ({ sha: parent, url: `${this.#repoUrl(repo)}/commits/${parent}` })),
    };
  }

  issueComment(comment: IssueComment): Json {
    const { pull } = comment;
    return {
      id: comment.id,
      node_id: nodeId("IC", comment.id),
      url: `${this.#repoUrl(pull.repo)}/issues/comments/${comment.id}`,
      html_url: `${this.pullPage(pull)}#issuecomment-${comment.id}`,
      issue_url: `${this.#repoUrl(pull.repo)}/issues/${pull.number}`,
      body: comment.body,
      user: this.user(comment.user),
      created_at: comment.createdAt,
      updated_at: comment.updatedAt,
      author_association: "NONE",
    };
  }

  reaction({ id, user, content, createdAt }: Reaction): Json {
    return { id, node_id: nodeId("REA", id), user: this.user(user), content, created_at: createdAt };
  }

  review(review: Review): Json {
    const page = `${this.pullPage(review.pull)}#pullrequestreview-${review.id}`;
    const url = this.#pullUrl(review.pull);
    return {
      id: review.id,
      node_id: nodeId("PRR", review.id),
      user: this.user(review.user),
      body: review.body,
      state: review.state,
      html_url: page,
      pull_request_url: url,
      _links: { html: { href: page }, pull_request: { href: url } },
      submitted_at: review.submittedAt,
      commit_id: review.commitId,
      author_association: "NONE",
    };
  }

  reviewComment(comment: ReviewComment): Json {
    const { pull } = comment;
    const url = `${this.#repoUrl(pull.repo)}/pulls/comments/${comment.id}`;
    const page = `${this.pullPage(pull)}#discussion_r${comment.id}`;
    return {
      id: comment.id,
      node_id: nodeId("PRRC", comment.id),
      url,
      pull_request_review_id: comment.review.id,
      diff_hunk: comment.diffHunk,
      path: comment.path,
      commit_id: comment.commitId,
      original_commit_id: comment.originalCommitId,
      user: this.user(comment.user),
      body: comment.body,
      created_at: comment.createdAt,
      updated_at: comment.updatedAt,
      html_url: page,
      pull_request_url: this.#pullUrl(pull),
      author_association: "NONE",
      _links: { self: { href: url }, html: { href: page }, pull_request: { href: this.#pullUrl(pull) } },
      line: comment.line ?? null,
      original_line: comment.originalLine ?? null,
      start_line: comment.startLine ?? null,
      original_start_line: comment.originalStartLine ?? null,
      start_side: comment.originalStartLine === undefined ? null : comment.side,
      side: comment.side,
      subject_type: comment.isFile ? "file" : "line",
      ...(comment.inReplyTo === undefined ? {} : { in_reply_to_id: comment.inReplyTo }),
    };
  }

  app(app: App): Json {
    return {
      id: app.id,
      slug: app.slug,
      node_id: nodeId("A", app.id),
      owner: this.user(app.bot),
      name: app.name,
      description: null,
      external_url: "https://objreview.example.org",
      html_url: `${this.web}/apps/${app.slug}`,
      created_at: "2026-01-01T00:00:00Z",
      updated_at: "2026-01-01T00:00:00Z",
      permissions: app.permissions,
      events: app.events,
    };
  }

  installation(installation: Installation): Json {
    const { id, app, account, createdAt } = installation;
    return {
      id,
      account: this.user(account),
      repository_selection: "selected",
      access_tokens_url: `${this.api}/app/installations/${id}/access_tokens`,
      repositories_url: `${this.api}/installation/repositories`,
      html_url: `${this.web}/settings/installations/${id}`,
      app_id: app.id,
      app_slug: app.slug,
      target_id: account.id,
      target_type: account.type,
      permissions: app.permissions,
      events: app.events,
      created_at: createdAt,
      updated_at: createdAt,
      single_file_name: null,
      suspended_at: installation.isSuspended ? createdAt : null,
      suspended_by: null,
    };
  }

  /** Pull requests of the same repository alone, as the API has it: those of forks are not named. */
  #pullsOf(repo: Repo, sha: string): Json[] {
    const own = this.world.pulls.filter(
      (pull) => pull.repo === repo && pull.headRepo === repo && pull.headSha === sha && pull.isOpen,
    );
    const brief = (each: Repo): Json => ({ id: each.id, url: this.#repoUrl(each), name: each.name });
    return own.map((pull) => ({
      id: pull.id,
      number: pull.number,
      url: this.#pullUrl(pull),
      head: { ref: pull.headRef, sha: pull.headSha, repo: brief(pull.headRepo) },
      base: { ref: pull.baseRef, sha: pull.baseSha, repo: brief(repo) },
    }));
  }

  checkRun(run: CheckRun): Json {
    const { repo, app } = run.suite;
    const url = `${this.#repoUrl(repo)}/check-runs/${run.id}`;
    return {
      id: run.id,
      head_sha: run.headSha,
      node_id: nodeId("CR", run.id),
      external_id: run.externalId,
      url,
      html_url: `${this.web}/${repo.owner}/${repo.name}/runs/${run.id}`,
      details_url: run.detailsUrl,
      status: run.status,
      conclusion: run.conclusion ?? null,
      started_at: run.startedAt ?? null,
      completed_at: run.completedAt ?? null,
      output: {
        title: run.title ?? null,
        summary: run.summary ?? null,
        text: run.text ?? null,
        annotations_count: run.annotations.length,
        annotations_url: `${url}/annotations`,
      },
      name: run.name,
      check_suite: { id: run.suite.id },
      app: this.app(app),
      pull_requests: this.#pullsOf(repo, run.headSha),
    };
  }

  annotation(run: CheckRun, each: CheckAnnotation): Json {
    const { repo } = run.suite;
    return {
      start_column: null,
      end_column: null,
      title: null,
      raw_details: null,
      ...each,
      blob_href: `${this.web}/${repo.owner}/${repo.name}/blob/${run.headSha}/${each.path}`,
    };
  }

  checkSuite(suite: CheckSuite): Json {
    const { repo } = suite;
    const runs = this.world.checkRuns.filter((run) => run.suite === suite);
    const open = runs.find((run) => run.status !== "completed");
    const branch = this.world.pulls.find((pull) => pull.headRepo === repo && pull.headSha === suite.headSha);
    return {
      id: suite.id,
      node_id: nodeId("CS", suite.id),
      head_branch: branch?.headRef ?? null,
      head_sha: suite.headSha,
      status: runs.length === 0 ? "queued" : (open?.status ?? "completed"),
      conclusion: runs.length === 0 || open !== undefined ? null : (runs[runs.length - 1]!.conclusion ?? null),
      url: `${this.#repoUrl(repo)}/check-suites/${suite.id}`,
      before: null,
      after: suite.headSha,
      pull_requests: this.#pullsOf(repo, suite.headSha),
      app: this.app(suite.app),
      created_at: suite.createdAt,
      updated_at: suite.createdAt,
      latest_check_runs_count: runs.length,
      check_runs_url: `${this.#repoUrl(repo)}/check-suites/${suite.id}/check-runs`,
    };
  }

  delivery(delivery: HookDelivery): Json {
    return {
      id: delivery.id,
      guid: delivery.guid,
      delivered_at: delivery.deliveredAt,
      redelivery: delivery.isRedelivery,
      duration: delivery.duration,
      status: delivery.status,
      status_code: delivery.statusCode,
      event: delivery.event,
      action: delivery.action ?? null,
      installation_id: delivery.installationId ?? null,
      repository_id: delivery.repositoryId ?? null,
      throttled_at: null,
    };
  }
}
