// GitHub's REST API as the App and as one of its installations (octokit). No call is repeated here: the outbox repeats, after it has looked what is there.

import { AsyncLocalStorage } from "node:async_hooks";
import { App, Octokit } from "octokit";
import { VERSION } from "../version.ts";
import type { Settings } from "./settings.ts";
import type { Repository } from "./work-request.ts";

export type Api = InstanceType<typeof Octokit>;

/** docs.github.com, "API Versions". */
const API_VERSION = "2022-11-28";

const deadline = new AsyncLocalStorage<AbortSignal>();

/** An answer that takes longer will not come: GitHub ends a request after 10 s (docs.github.com, "Timeouts"); the rest is for waiting one's turn. */
const CALL_MILLIS = 60_000;

/** A call ends with the deadline around it, and with its own. */
async function inTime<T>(call: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  const own = new AbortController();
  const outer = deadline.getStore();
  const stop = (): void => own.abort(new Error("the call was not answered in time"));
  if (outer?.aborted === true) stop();
  outer?.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(stop, CALL_MILLIS);
  try {
    return await call(own.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", stop);
  }
}

/** Makes no call any more once `signal` is aborted, among those that `work` waits for. */
export function withDeadline<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return deadline.run(signal, work);
}

export interface AppIdentity {
  readonly id: number;
  /** Login of what the App posts: "objreview[bot]". */
  readonly login: string;
}

export class GitHub {
  readonly #app: App;
  readonly #webUrl: string;
  #identity: Promise<AppIdentity> | undefined;

  constructor(settings: Pick<Settings, "appId" | "privateKey" | "apiUrl" | "webUrl" | "throttle">) {
    this.#webUrl = settings.webUrl;
    const Client = Octokit.plugin((octokit) => {
      octokit.hook.before("request", (options) => {
        options.headers["x-github-api-version"] = API_VERSION;
      });
      octokit.hook.wrap("request", (request, options) =>
        inTime((signal) => {
          // A new object: the old one is the client's defaults, and of all its calls.
          options.request = { ...options.request, signal };
          return request(options);
        }),
      );
    }).defaults({
      baseUrl: settings.apiUrl,
      userAgent: `objreview/${VERSION}`,
      // A write that was answered by 500 may have had its effect.
      retry: { enabled: false },
      throttle: settings.throttle
        ? { onRateLimit: () => false, onSecondaryRateLimit: () => false }
        : { enabled: false, onRateLimit: () => false, onSecondaryRateLimit: () => false },
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
    this.#app = new App({ appId: settings.appId, privateKey: settings.privateKey, Octokit: Client });
  }

  /** As the App itself. */
  get app(): Api {
    return this.#app.octokit;
  }

  installation(id: number): Promise<Api> {
    return this.#app.getInstallationOctokit(id);
  }

  /** Who posts: what is not by this account is never taken for ours. */
  identity(): Promise<AppIdentity> {
    this.#identity ??= this.#askIdentity().catch((error: unknown) => {
      this.#identity = undefined;
      throw error;
    });
    return this.#identity;
  }

  async #askIdentity(): Promise<AppIdentity> {
    const { data } = await this.app.rest.apps.getAuthenticated();
    if (data?.slug === undefined) throw new Error("GET /app names no slug");
    return { id: data.id, login: `${data.slug}[bot]` };
  }

  /** A token that reads this repository's code and nothing else, for an hour at most. */
  async fetchToken({ installation, repo }: Repository): Promise<string> {
    const api = await this.installation(installation);
    const options = {
      type: "installation",
      installationId: installation,
      repositoryNames: [repo],
      permissions: { contents: "read" },
    };
    const { token } = (await api.auth(options)) as { token: string };
    return token;
  }

  cloneUrl({ owner, repo }: Repository): string {
    return `${this.#webUrl}/${owner}/${repo}.git`;
  }
}

function ignore(): void {}
