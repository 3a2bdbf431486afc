import { type KeyObject, verify } from "node:crypto";
import { ApiError } from "./api-error.ts";
import type { App, Installation, Permissions, Repo, User, World } from "./world.ts";

// Who calls, and what a caller may. An App proves itself by a signed token of ten minutes at most; an installation by the token that it was given.

export type Caller =
  | { readonly kind: "app"; readonly app: App }
  | {
      readonly kind: "installation";
      readonly app: App;
      readonly installation: Installation;
      readonly permissions: Permissions;
      readonly repoIds: readonly number[] | undefined;
      readonly user: User;
    };

type Need = "app" | "any" | readonly (readonly [permission: string, level: "read" | "write"])[];

const PULLS: Need = [["pull_requests", "read"]];
const PULLS_WRITE: Need = [["pull_requests", "write"]];
// A pull request is an issue; either permission does.
const COMMENTS: Need = [
  ["issues", "read"],
  ["pull_requests", "read"],
];
const COMMENTS_WRITE: Need = [
  ["issues", "write"],
  ["pull_requests", "write"],
];
const CONTENTS: Need = [["contents", "read"]];
const CHECKS: Need = [["checks", "read"]];
const CHECKS_WRITE: Need = [["checks", "write"]];
const METADATA: Need = [["metadata", "read"]];

/** docs.github.com, "Permissions required for GitHub Apps". */
const NEEDS: Readonly<Record<string, Need>> = {
  "apps/get-authenticated": "app",
  "apps/list-installations": "app",
  "apps/get-installation": "app",
  "apps/create-installation-access-token": "app",
  "apps/get-webhook-config-for-app": "app",
  "apps/list-webhook-deliveries": "app",
  "apps/get-webhook-delivery": "app",
  "apps/redeliver-webhook-delivery": "app",
  "apps/get-repo-installation": "app",
  "apps/list-repos-accessible-to-installation": METADATA,
  "rate-limit/get": "any",
  "search/issues-and-pull-requests": METADATA,
  "repos/get": METADATA,
  "repos/get-branch": CONTENTS,
  "git/get-ref": CONTENTS,
  "repos/get-content": CONTENTS,
  "repos/compare-commits-with-basehead": CONTENTS,
  "repos/get-commit": CONTENTS,
  "checks/list-for-ref": CHECKS,
  "checks/list-suites-for-ref": CHECKS,
  "repos/list-pull-requests-associated-with-commit": PULLS,
  "repos/get-collaborator-permission-level": METADATA,
  "pulls/list": PULLS,
  "pulls/get": PULLS,
  "pulls/list-files": PULLS,
  "pulls/list-commits": PULLS,
  "pulls/list-reviews": PULLS,
  "pulls/create-review": PULLS_WRITE,
  "pulls/list-comments-for-review": PULLS,
  "pulls/list-review-comments": PULLS,
  "pulls/create-review-comment": PULLS_WRITE,
  "pulls/create-reply-for-review-comment": PULLS_WRITE,
  "pulls/get-review-comment": PULLS,
  "pulls/update-review-comment": PULLS_WRITE,
  "pulls/delete-review-comment": PULLS_WRITE,
  "issues/list-comments": COMMENTS,
  "issues/create-comment": COMMENTS_WRITE,
  "issues/get-comment": COMMENTS,
  "issues/update-comment": COMMENTS_WRITE,
  "issues/delete-comment": COMMENTS_WRITE,
  "reactions/list-for-issue-comment": COMMENTS,
  "reactions/create-for-issue-comment": COMMENTS_WRITE,
  "reactions/delete-for-issue-comment": COMMENTS_WRITE,
  "checks/create": CHECKS_WRITE,
  "checks/get": CHECKS,
  "checks/update": CHECKS_WRITE,
  "checks/list-annotations": CHECKS,
  "checks/get-suite": CHECKS,
  "checks/list-for-suite": CHECKS,
};

export interface AppKey {
  readonly app: App;
  readonly publicKey: KeyObject;
}

/** @throws ApiError 401 */
export function callerOf(authorization: string | undefined, world: World, key: AppKey): Caller {
  if (authorization === undefined) throw new ApiError(401, "Requires authentication");
  const [, scheme = "", secret = ""] = /^(\w+) +(.*)$/.exec(authorization) ?? [];
  // What git sends: a name that nobody looks at, and the token as the password.
  const token = /^basic$/i.test(scheme)
    ? Buffer.from(secret, "base64")
        .toString()
        .replace(/^[^:]*:/, "")
    : secret;
  if (token.split(".").length === 3) return { kind: "app", app: readJwt(token, key) };
  const known = world.tokens.get(token);
  if (known === undefined || known.expiresAt <= world.time() || known.installation.isSuspended) {
    throw new ApiError(401, "Bad credentials");
  }
  const { installation, permissions, repoIds } = known;
  return {
    kind: "installation",
    app: installation.app,
    installation,
    permissions,
    repoIds,
    user: installation.app.bot,
  };
}

function readJwt(token: string, { app, publicKey }: AppKey): App {
  const [head = "", claims = "", signature = ""] = token.split(".");
  const refuse = (why: string): ApiError => new ApiError(401, why);
  const isSigned = verify(
    "RSA-SHA256",
    Buffer.from(`${head}.${claims}`),
    publicKey,
    Buffer.from(signature, "base64url"),
  );
  if (!isSigned) throw refuse("A JSON web token could not be decoded");
  const { iss, iat, exp } = JSON.parse(Buffer.from(claims, "base64url").toString()) as {
    iss?: string | number;
    iat?: number;
    exp?: number;
  };
  // A test may move the world's clock, but not the one that its client signs by.
  const now = Date.now() / 1000;
  if (String(iss) !== String(app.id)) throw refuse("'Issuer' claim ('iss') must be an App's id");
  if (exp === undefined || exp > now + 600 || exp < now) {
    throw refuse("'Expiration time' claim ('exp') is too far in the future");
  }
  // A minute of a clock that is fast is let pass.
  if (iat === undefined || iat > now + 60) throw refuse("'Issued at' claim ('iat') must be an Integer in the past");
  return app;
}

/** @throws ApiError 401, 403 */
export function allow(caller: Caller, operationId: string): void {
  const need = NEEDS[operationId];
  if (need === undefined) throw new Error(`${operationId}: nobody has said who may`);
  if (need === "any") return;
  if (need === "app") {
    if (caller.kind !== "app") throw new ApiError(401, "A JSON web token could not be decoded");
    return;
  }
  if (caller.kind !== "installation") {
    throw new ApiError(401, "'Expected an installation token, not the App's own");
  }
  const has = need.some(([permission, level]) => {
    const given = caller.permissions[permission];
    return given === "write" || given === "admin" || given === level;
  });
  if (!has) throw new ApiError(403, "Resource not accessible by integration");
}

/** Whether the caller sees the repository at all. */
export function sees(caller: Caller, repo: Repo): boolean {
  if (caller.kind === "app") return true;
  const isInstalled = caller.installation.repos.includes(repo);
  return isInstalled ? (caller.repoIds?.includes(repo.id) ?? true) : !repo.isPrivate;
}
