// The job that speaks: it has a token that can write, checks nothing out, and takes the review of another job as anybody's text. The head's
// commit comes from the event, the pull request from the API; the review must be of the same merge base, or it is not posted.

import { FormatError, UsageError } from "../base/errors.ts";
import type { RepositoryConfig } from "../github/config.ts";
import { CONFIG_PATH, DEFAULT_CONFIG } from "../github/config.ts";
import { describeConfigErrors, readConfig } from "../github/config-text.ts";
import { prose } from "../github/markdown.ts";
import type { ReviewResult } from "../report/result.ts";
import { safeText } from "../report/safe.ts";
import { plural } from "../report/wrap.ts";
import { acceptReview, MAX_REVIEW_BYTES } from "./accept-review.ts";
import { Calls, type CallsOptions, type OpenPull } from "./calls.ts";
import { findHeadCheckouts } from "./checkouts.ts";
import { readWorkflowRunEvent, type WorkflowRunEvent } from "./events.ts";
import { type Published, type PublishInput, publishNotice, publishReview } from "./publish.ts";
import { filesAsDiff } from "./pull-files.ts";
import { refusePost } from "./refusals.ts";
import { readZipEntry } from "./zip.ts";

export interface PostRequest {
  readonly eventName: string;
  /** Text of $GITHUB_EVENT_PATH. */
  readonly event: string;
  /** "owner/name": $GITHUB_REPOSITORY. */
  readonly repository: string;
  readonly token: string;
  readonly apiUrl: string;
  readonly account: string;
  /** Folder of the job: nothing of the head may be in it. */
  readonly workspace: string;
  /** Name of the artifact that holds review.json. */
  readonly artifact: string;
  /** Folder of the rules' pages. */
  readonly rulesUrl?: string | undefined;
  readonly paced?: CallsOptions["paced"];
  readonly onProgress: (line: string) => void;
}

export type PostOutcome =
  | ({ readonly kind: "posted"; readonly number: number; readonly verdict: ReviewResult["verdict"] } & Published)
  /** Nothing was posted, and nothing is wrong. */
  | { readonly kind: "nothing"; readonly why: string }
  /** The check says that there is no usable review. */
  | { readonly kind: "unusable"; readonly number: number; readonly why: string };

const REVIEW_FILE = "review.json";
/** The report's page and the like lie beside it. */
const MAX_ARTIFACT_BYTES = 4 * MAX_REVIEW_BYTES;

/** Throws UsageError for a job that must not run like this, ToolError where GitHub does not answer. */
export async function post(request: PostRequest): Promise<PostOutcome> {
  const hasToken = request.token !== "";
  refusePost({ eventName: request.eventName, hasToken, headSha: "", headCheckouts: [] });
  const event = readWorkflowRunEvent(request.event);
  if (event.repository !== request.repository)
    throw new UsageError(`the event is of ${event.repository}, and the job of ${safeText(request.repository)}`);
  const headCheckouts = await findHeadCheckouts(request.workspace, event.headSha);
  refusePost({ eventName: request.eventName, hasToken, headSha: event.headSha, headCheckouts });

  const calls = new Calls(request);
  const pulls = await findPulls(calls, event);
  if (pulls.length === 0) {
    return { kind: "nothing", why: `no open pull request has ${event.headSha.slice(0, 12)} as its head any more` };
  }
  request.onProgress(
    `head ${event.headSha.slice(0, 12)}: pull request ${pulls.map(({ number }) => `#${number}`).join(", ")}`,
  );
  const first = pulls[0] as OpenPull;
  const target: PublishInput = {
    calls,
    number: first.number,
    headSha: event.headSha,
    externalId: `objreview-run-${event.runId}-${event.runAttempt}`,
    links: {
      ...(event.runUrl === "" ? {} : { review: event.runUrl }),
      ...(request.rulesUrl === undefined ? {} : { rules: request.rulesUrl }),
    },
  };
  const unusable = async (number: number, title: string, why: string): Promise<PostOutcome> => {
    await publishNotice({ ...target, number }, title, `${prose(why)}.`);
    return { kind: "unusable", number, why };
  };

  let result: ReviewResult;
  try {
    const bytes = await readArtifact(calls, event, request.artifact);
    if (bytes === undefined) {
      // A build that is off by configuration, for a draft or for its paths leaves nothing and ends well.
      if (event.conclusion === "success") return { kind: "nothing", why: "the build job left no review" };
      return await unusable(first.number, "No review", `the build job left no review and ended as ${event.conclusion}`);
    }
    result = acceptReview(bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return await unusable(first.number, "The review cannot be used", safeText(error.message, { max: 300 }));
  }

  // The same head may be in pull requests onto two branches; the review is of the one whose merge base it names.
  let pull: OpenPull | undefined;
  for (const each of pulls) {
    if ((await calls.mergeBase(each.baseSha, event.headSha)) === result.base.commit) {
      pull = each;
      break;
    }
  }
  if (pull === undefined) {
    const why = `it is of other commits: it names ${safeText(result.base.commit, { max: 64 }) || "no commit"} as the base`;
    return await unusable(first.number, "The review cannot be used", why);
  }
  const config = await readBaseConfig(calls, pull.baseSha);
  if (!config.ok) {
    await publishNotice({ ...target, number: pull.number }, `${CONFIG_PATH} cannot be used`, config.words);
    return { kind: "unusable", number: pull.number, why: `${CONFIG_PATH} of the base cannot be used` };
  }
  if (!config.config.enabled) return { kind: "nothing", why: `${CONFIG_PATH} of the base says "enabled: false"` };
  if (pull.isDraft && !config.config.drafts) return { kind: "nothing", why: "it is a draft" };
  const diff = filesAsDiff(await calls.files(pull.number));
  const published = await publishReview({ ...target, number: pull.number, result, config: config.config, diff });
  return { kind: "posted", number: pull.number, verdict: result.verdict, ...published };
}

/** Open pull requests whose head is exactly the run's, from exactly the repository that it ran for. */
async function findPulls(calls: Calls, event: WorkflowRunEvent): Promise<OpenPull[]> {
  if (event.headOwner === "" || event.headBranch === "") return [];
  const pulls = await calls.openPulls(event.headOwner, event.headBranch);
  return pulls
    .filter(({ headSha, headRepositoryId }) => headSha === event.headSha && headRepositoryId === event.headRepositoryId)
    .sort((a, b) => a.number - b.number);
}

/** The bytes of review.json; undefined where the run left no artifact. Throws FormatError for one that is not to be read. */
async function readArtifact(calls: Calls, event: WorkflowRunEvent, name: string): Promise<Uint8Array | undefined> {
  const newest = (await calls.artifacts(event.runId, name))[0];
  if (newest === undefined || newest.isExpired) return undefined;
  if (newest.bytes > MAX_ARTIFACT_BYTES) {
    throw new FormatError("over-budget", `${newest.bytes} bytes, at most ${MAX_ARTIFACT_BYTES} are read`, {
      format: "artifact",
    });
  }
  return readZipEntry(await calls.download(newest.id), REVIEW_FILE, MAX_REVIEW_BYTES);
}

type BaseConfig =
  | { readonly ok: true; readonly config: RepositoryConfig }
  | { readonly ok: false; readonly words: string };

async function readBaseConfig(calls: Calls, baseSha: string): Promise<BaseConfig> {
  const text = await calls.file(CONFIG_PATH, baseSha);
  if (text === undefined) return { ok: true, config: DEFAULT_CONFIG };
  const read = readConfig(text);
  return read.ok ? read : { ok: false, words: describeConfigErrors(read.errors) };
}

/** One line of the job's log. */
export function postWords(outcome: PostOutcome): string {
  switch (outcome.kind) {
    case "nothing":
      return `nothing to post: ${outcome.why}`;
    case "unusable":
      return `#${outcome.number}: no review: ${outcome.why}`;
    case "posted":
      return outcome.superseded
        ? `#${outcome.number}: the head moved on; only the check of the old one was written`
        : `#${outcome.number}: ${outcome.verdict}; ${plural(outcome.comments, "new comment")}, ${plural(outcome.edits, "edit")}`;
  }
}
