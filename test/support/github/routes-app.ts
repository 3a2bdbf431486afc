import { randomBytes } from "node:crypto";
import { sees } from "./access.ts";
import { ApiError, notFound, unprocessable } from "./api-error.ts";
import { type Call, type Route, requireRepo } from "./route.ts";
import type { Installation, Permissions, Repo } from "./world.ts";

const ownOf = ({ world, caller }: Call): Installation[] =>
  world.installations.filter((each) => each.app === caller.app);

function requireInstallation(call: Call): Installation {
  const found = ownOf(call).find((each) => each.id === Number(call.params.installation_id));
  if (found === undefined) throw notFound();
  return found;
}

/** GitHub lists deliveries of three days and redelivers no older ones. */
const KEPT_MILLIS = 3 * 86_400_000;

export const appRoutes: Readonly<Record<string, Route>> = {
  "apps/get-authenticated": ({ render, caller }) => ({ body: render.app(caller.app) }),

  "apps/list-installations": (call) => call.page(ownOf(call), (each) => call.render.installation(each)),

  "apps/get-installation": (call) => ({ body: call.render.installation(requireInstallation(call)) }),

  "apps/get-repo-installation": (call) => {
    const repo = requireRepo(call);
    const found = ownOf(call).find((each) => each.repos.includes(repo));
    if (found === undefined) throw notFound();
    return { body: call.render.installation(found) };
  },

  "apps/create-installation-access-token": (call) => {
    const { world, render, body } = call;
    const installation = requireInstallation(call);
    if (installation.isSuspended) throw new ApiError(403, "This installation has been suspended");
    const asked = body as {
      repositories?: string[];
      repository_ids?: number[];
      permissions?: Permissions;
    };
    const own = installation.app.permissions;
    for (const [name, level] of Object.entries(asked.permissions ?? {})) {
      if (own[name] === undefined || (own[name] === "read" && level !== "read")) {
        throw unprocessable("The permissions requested are not granted to this installation.");
      }
    }
    let repos: readonly Repo[] | undefined;
    if (asked.repositories !== undefined || asked.repository_ids !== undefined) {
      repos = installation.repos.filter(
        ({ id, name }) => asked.repository_ids?.includes(id) === true || asked.repositories?.includes(name) === true,
      );
      const wanted = (asked.repositories?.length ?? 0) + (asked.repository_ids?.length ?? 0);
      if (repos.length !== wanted) {
        throw unprocessable("There is at least one repository that does not exist or is not accessible.");
      }
    }
    const token = `ghs_${randomBytes(18).toString("hex")}`;
    const permissions = { ...(asked.permissions ?? own), ...(own.metadata ? { metadata: own.metadata } : {}) };
    const expiresAt = world.time() + 3_600_000;
    world.tokens.set(token, {
      token,
      installation,
      permissions,
      repoIds: repos?.map(({ id }) => id),
      expiresAt,
    });
    return {
      status: 201,
      body: {
        token,
        expires_at: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z"),
        permissions,
        repository_selection: "selected",
        ...(repos === undefined ? {} : { repositories: repos.map((repo) => render.repo(repo)) }),
      },
    };
  },

  "apps/list-repos-accessible-to-installation": ({ caller, render, page }) => {
    if (caller.kind !== "installation") throw notFound();
    const seen = caller.installation.repos.filter((repo) => sees(caller, repo));
    return page(seen, (repo) => render.repo(repo), "repositories");
  },

  "apps/get-webhook-config-for-app": ({ hooks }) => ({
    body: { url: hooks.url ?? "", content_type: "json", secret: "********", insecure_ssl: "0" },
  }),

  "apps/list-webhook-deliveries": ({ world, render, query, api }) => {
    const perPage = Math.min(100, Number(query.per_page ?? 30));
    // Newest first, by a cursor: the next page's begins behind the last one's id.
    const cursor = query.cursor === undefined ? Number.POSITIVE_INFINITY : Number(query.cursor.replace(/^v1_/, ""));
    const kept = world.deliveries
      .filter((each) => world.time() - Date.parse(each.deliveredAt) < KEPT_MILLIS)
      .filter(({ id }) => id < cursor)
      .filter(({ status }) => query.status === undefined || (query.status === "success") === (status === "OK"))
      .sort((a, b) => b.id - a.id);
    const shown = kept.slice(0, perPage);
    const next = `${api}/app/hook/deliveries?per_page=${perPage}&cursor=v1_${shown[shown.length - 1]?.id}`;
    const link = { link: `<${next}>; rel="next"` };
    return { body: shown.map((each) => render.delivery(each)), headers: kept.length > shown.length ? link : {} };
  },

  "apps/get-webhook-delivery": ({ world, render, params }) => {
    const found = world.deliveries.find(({ id }) => id === Number(params.delivery_id));
    if (found === undefined) throw notFound();
    const payload = JSON.parse(found.payload) as unknown;
    return {
      body: {
        ...render.delivery(found),
        request: { headers: { "X-GitHub-Delivery": found.guid, "X-GitHub-Event": found.event }, payload },
        response: { headers: null, payload: null },
      },
    };
  },

  "apps/redeliver-webhook-delivery": ({ world, params, hooks }) => {
    const found = world.deliveries.find(({ id }) => id === Number(params.delivery_id));
    if (found === undefined) throw notFound();
    if (world.time() - Date.parse(found.deliveredAt) >= KEPT_MILLIS) throw unprocessable("The delivery is too old");
    void hooks.send(found.event, found.action, JSON.parse(found.payload), found);
    return { status: 202, body: {} };
  },

  "rate-limit/get": ({ rates }) => {
    const { limit, remaining, reset, used } = rates();
    const core = { limit, remaining, reset, used };
    return { body: { resources: { core, search: core }, rate: core } };
  },
};
