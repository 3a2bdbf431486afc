// Our check runs on GitHub: found by the review's id (external_id), made where there is none.

import { CHECK_NAME } from "../github/check-run.ts";
import type { CheckRunBody } from "../github/payloads.ts";
import type { Api } from "./client.ts";
import type { Repository } from "./work-request.ts";

export interface KnownCheck {
  readonly id: number;
  readonly externalId: string;
  readonly isCompleted: boolean;
  readonly annotations: number;
}

/** Our runs on that commit. Another App may have runs of the same name and external_id. */
export async function ourChecks(api: Api, { owner, repo }: Repository, appId: number, ref: string) {
  const runs = await api.paginate(api.rest.checks.listForRef, {
    owner,
    repo,
    ref,
    check_name: CHECK_NAME,
    filter: "all",
    app_id: appId,
    per_page: 100,
  });
  return runs
    .filter((run) => run.app?.id === appId && run.name === CHECK_NAME)
    .map(
      (run): KnownCheck => ({
        id: run.id,
        externalId: run.external_id ?? "",
        isCompleted: run.status === "completed",
        annotations: run.output.annotations_count,
      }),
    );
}

/** The run of one review. After a crash between two creations of the same one there would be two: the first counts. */
export async function findCheck(
  api: Api,
  repository: Repository,
  appId: number,
  ref: string,
  review: string,
): Promise<KnownCheck | undefined> {
  const runs = await ourChecks(api, repository, appId, ref);
  return runs.filter((run) => run.externalId === review).sort((a, b) => a.id - b.id)[0];
}

export async function createCheck(api: Api, { owner, repo }: Repository, body: CheckRunBody): Promise<number> {
  const { data } = await api.request("POST /repos/{owner}/{repo}/check-runs", { owner, repo, ...writable(body) });
  return Number(data.id);
}

export async function changeCheck(api: Api, { owner, repo }: Repository, id: number, body: CheckRunBody) {
  const { name: _, head_sha: __, ...change } = writable(body);
  await api.request("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", {
    owner,
    repo,
    check_run_id: id,
    ...change,
  });
}

/** octokit's types want lists that may be written to, and a name. */
function writable({ output, actions, name = CHECK_NAME, head_sha = "", ...rest }: CheckRunBody) {
  const { annotations, ...texts } = output;
  return {
    ...rest,
    name,
    head_sha,
    output: {
      ...texts,
      ...(annotations === undefined ? {} : { annotations: annotations.map((each) => ({ ...each })) }),
    },
    ...(actions === undefined ? {} : { actions: actions.map((each) => ({ ...each })) }),
  };
}
