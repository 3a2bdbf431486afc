import { ApiError, notFound, unprocessable } from "./api-error.ts";
import { type Call, type Route, requireInstalled, requireRepo } from "./route.ts";
import type { CheckAnnotation, CheckRun, CheckSuite, Repo } from "./world.ts";

// Check runs: docs.github.com, REST API, "Check runs". What the description cannot say is checked here.

const MAX_ANNOTATION_BYTES = 64 * 1024;
const MAX_ANNOTATION_TITLE = 255;

interface GivenRun {
  readonly name?: string;
  readonly head_sha?: string;
  readonly external_id?: string;
  readonly details_url?: string;
  readonly status?: CheckRun["status"];
  readonly started_at?: string;
  readonly completed_at?: string;
  readonly conclusion?: string;
  readonly output?: {
    readonly title?: string;
    readonly summary?: string;
    readonly text?: string;
    readonly annotations?: readonly CheckAnnotation[];
  };
  readonly actions?: CheckRun["actions"];
}

const invalid = (message: string): ApiError => new ApiError(422, `Invalid request.\n\n${message}`);

function checkAnnotations(call: Call, repo: Repo, sha: string, annotations: readonly CheckAnnotation[]): void {
  if (annotations.length > 50) throw invalid("No more than 50 items are allowed.");
  for (const each of annotations) {
    const { path, start_line, end_line, message, title, raw_details, start_column, end_column } = each;
    if (start_line < 1 || end_line < start_line) throw invalid(`start_line of ${path} must be 1 to end_line`);
    if ((start_column !== undefined || end_column !== undefined) && start_line !== end_line) {
      throw invalid("start_column and end_column are for annotations of one line");
    }
    if (message === "") throw invalid("message can't be blank");
    if (Buffer.byteLength(message) > MAX_ANNOTATION_BYTES) throw invalid("message exceeds a maximum bytesize of 65536");
    if (Buffer.byteLength(raw_details ?? "") > MAX_ANNOTATION_BYTES) {
      throw invalid("raw_details exceeds a maximum bytesize of 65536");
    }
    if ((title ?? "").length > MAX_ANNOTATION_TITLE) throw invalid("title exceeds a maximum of 255 characters");
    // GitHub takes these, and then has nowhere to show them.
    const text = repo.git.text(sha, path);
    const lines = text === undefined ? undefined : text.split("\n").length;
    if (lines === undefined) call.complain(`an annotation of ${path}, which is not in ${sha}`);
    else if (end_line > lines) call.complain(`an annotation of ${path}:${end_line}, which has ${lines} lines`);
  }
}

function apply(call: Call, run: CheckRun, given: GivenRun): void {
  const { world } = call;
  const { output, conclusion } = given;
  // Said in words only: a conclusion completes the run, and a completed run has one.
  const status = conclusion === undefined ? (given.status ?? run.status) : "completed";
  if (status === "completed" && conclusion === undefined && run.conclusion === undefined) {
    throw invalid("status completed needs a conclusion");
  }
  if (conclusion === "stale") throw invalid("stale is GitHub's own");
  for (const text of [output?.summary, output?.text]) {
    if ((text ?? "").length > 65_535) throw invalid("Only 65535 characters are allowed");
  }
  checkAnnotations(call, run.suite.repo, run.headSha, output?.annotations ?? []);
  if (run.status === "completed" && status !== "completed") {
    call.complain(`check run ${run.id} was completed and is ${status} again: make a new one`);
  }
  run.status = status;
  if (status !== "completed") run.conclusion = undefined;
  else run.conclusion = conclusion ?? run.conclusion;
  run.startedAt = given.started_at ?? run.startedAt ?? (status === "queued" ? undefined : world.stamp());
  run.completedAt = status === "completed" ? (given.completed_at ?? world.stamp()) : undefined;
  run.externalId = given.external_id ?? run.externalId;
  run.detailsUrl = given.details_url ?? run.detailsUrl;
  run.title = output?.title ?? run.title;
  run.summary = output?.summary ?? run.summary;
  run.text = output?.text ?? run.text;
  // They are added to what is there, and cannot be taken back.
  run.annotations.push(...(output?.annotations ?? []));
  run.actions = given.actions ?? run.actions;
  const state = status === "completed" ? `completed:${run.conclusion}` : status;
  if (run.history[run.history.length - 1] !== state) run.history.push(state);
}

export function suiteOf(call: Pick<Call, "world">, repo: Repo, sha: string, app: CheckSuite["app"]): CheckSuite {
  const { world } = call;
  const known = world.checkSuites.find((each) => each.repo === repo && each.headSha === sha && each.app === app);
  if (known !== undefined) return known;
  const suite = { id: world.newId(), repo, app, headSha: sha, createdAt: world.stamp() };
  world.checkSuites.push(suite);
  return suite;
}

function create(call: Call) {
  const repo = requireInstalled(call);
  const given = call.body as GivenRun;
  const sha = given.head_sha ?? "";
  if (!/^[0-9a-f]{40}$/.test(sha) || !repo.git.hasCommit(sha)) throw unprocessable(`No commit found for SHA: ${sha}`);
  const suite = suiteOf(call, repo, sha, call.caller.app);
  const run: CheckRun = {
    id: call.world.newId(),
    suite,
    name: given.name ?? "",
    headSha: sha,
    externalId: "",
    detailsUrl: "https://objreview.example.org",
    status: "queued",
    conclusion: undefined,
    startedAt: undefined,
    completedAt: undefined,
    title: undefined,
    summary: undefined,
    text: undefined,
    annotations: [],
    actions: [],
    history: [],
  };
  apply(call, run, given);
  call.world.checkRuns.push(run);
  void call.hooks.checkRun("created", run, call.caller.app.bot);
  if (run.status === "completed") void call.hooks.checkRun("completed", run, call.caller.app.bot);
  return { status: 201, body: call.render.checkRun(run) };
}

function requireRun(call: Call): CheckRun {
  const repo = requireRepo(call);
  const id = Number(call.params.check_run_id);
  const found = call.world.checkRuns.find((run) => run.id === id && run.suite.repo === repo);
  if (found === undefined) throw notFound();
  return found;
}

function update(call: Call) {
  requireInstalled(call);
  const run = requireRun(call);
  if (run.suite.app !== call.caller.app) {
    throw new ApiError(
      403,
      `Invalid app_id \`${call.caller.app.id}\` - check run can only be modified by the GitHub App that created it.`,
    );
  }
  const wasOpen = run.status !== "completed";
  apply(call, run, call.body as GivenRun);
  if (wasOpen && run.status === "completed") void call.hooks.checkRun("completed", run, call.caller.app.bot);
  return { body: call.render.checkRun(run) };
}

/** Of each name the newest, unless all are asked for. */
function listRuns(call: Call, runs: readonly CheckRun[]) {
  const { check_name, status, filter = "latest", app_id } = call.query;
  const found = runs.filter(
    (run) =>
      (check_name === undefined || run.name === check_name) &&
      (status === undefined || run.status === status) &&
      (app_id === undefined || run.suite.app.id === Number(app_id)),
  );
  const isLatest = (run: CheckRun): boolean =>
    !found.some((other) => other.id > run.id && other.name === run.name && other.suite.app === run.suite.app);
  const shown = filter === "all" ? found : found.filter(isLatest);
  return call.page([...shown].reverse(), (run) => call.render.checkRun(run), "check_runs");
}

function requireSuite(call: Call): CheckSuite {
  const repo = requireRepo(call);
  const id = Number(call.params.check_suite_id);
  const found = call.world.checkSuites.find((each) => each.id === id && each.repo === repo);
  if (found === undefined) throw notFound();
  return found;
}

function shaOf(call: Call): string {
  const sha = requireRepo(call).git.resolve(call.params.ref ?? "");
  if (sha === undefined) throw unprocessable(`No commit found for SHA: ${call.params.ref}`);
  return sha;
}

export const checkRoutes: Readonly<Record<string, Route>> = {
  "checks/create": create,
  "checks/update": update,
  "checks/get": (call) => ({ body: call.render.checkRun(requireRun(call)) }),

  "checks/list-annotations": (call) => {
    const run = requireRun(call);
    return call.page(run.annotations, (each) => call.render.annotation(run, each));
  },

  "checks/list-for-ref": (call) => {
    const [repo, sha] = [requireRepo(call), shaOf(call)];
    return listRuns(
      call,
      call.world.checkRuns.filter((run) => run.suite.repo === repo && run.headSha === sha),
    );
  },

  "checks/list-for-suite": (call) => {
    const suite = requireSuite(call);
    return listRuns(
      call,
      call.world.checkRuns.filter((run) => run.suite === suite),
    );
  },

  "checks/list-suites-for-ref": (call) => {
    const [repo, sha] = [requireRepo(call), shaOf(call)];
    const { app_id } = call.query;
    const found = call.world.checkSuites.filter(
      (each) => each.repo === repo && each.headSha === sha && (app_id === undefined || each.app.id === Number(app_id)),
    );
    return call.page(found, (each) => call.render.checkSuite(each), "check_suites");
  },

  "checks/get-suite": (call) => ({ body: call.render.checkSuite(requireSuite(call)) }),
};
