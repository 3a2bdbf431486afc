// What must never meet in one job: a token that can write, and code of the head. Each refusal is one clear error, said before anything
// is fetched, built or posted. Source: securitylab.github.com, "Preventing pwn requests".

import { UsageError } from "../base/errors.ts";

/** On these a fork's pull request has a token that can read, and no secrets. */
const BUILD_EVENTS = new Set(["pull_request"]);

export interface BuildFacts {
  /** $GITHUB_EVENT_NAME. */
  readonly eventName: string;
  /** Variables of the environment that hold a token or another secret. */
  readonly secrets: readonly string[];
  /** Settings of the checked-out repository that give git a token: actions/checkout leaves one there by default. */
  readonly gitCredentials: readonly string[];
}

/** Throws UsageError where the job that would build the head could also write. */
export function refuseBuild(facts: BuildFacts): void {
  if (!BUILD_EVENTS.has(facts.eventName)) {
    throw new UsageError(
      `refused: mode build runs on pull_request only, and this is ${facts.eventName || "no event"}; ` +
        "on others the job's token can write, and what is built is somebody else's code",
    );
  }
  if (facts.secrets.length > 0) {
    throw new UsageError(
      `refused: a write token together with a checkout of the head: the build job holds ${facts.secrets.join(", ")}; ` +
        "leave it to the post job",
    );
  }
  if (facts.gitCredentials.length > 0) {
    throw new UsageError(
      `refused: a write token together with a checkout of the head: git in the tree is given credentials by ` +
        `${facts.gitCredentials.join(", ")}; set "persist-credentials: false" on actions/checkout`,
    );
  }
}

export interface PostFacts {
  readonly eventName: string;
  readonly hasToken: boolean;
  readonly headSha: string;
  /** Repositories in the workspace that hold the head, as a path each. */
  readonly headCheckouts: readonly string[];
}

/** Throws UsageError where the job that writes has the head's files beside it. */
export function refusePost(facts: PostFacts): void {
  if (facts.eventName !== "workflow_run") {
    throw new UsageError(`refused: mode post runs on workflow_run only, and this is ${facts.eventName || "no event"}`);
  }
  if (!facts.hasToken) throw new UsageError("mode post needs a token that can write checks and pull requests");
  if (facts.headCheckouts.length > 0) {
    throw new UsageError(
      `refused: a write token together with a checkout of the head: ${facts.headCheckouts.join(", ")} holds ` +
        `${facts.headSha.slice(0, 12)}; the post job checks nothing out`,
    );
  }
}
