import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type AppKey, allow, type Caller, callerOf, sees } from "./access.ts";
import { ApiError, notFound } from "./api-error.ts";
import type { Description } from "./description.ts";
import { type Fault, Faults } from "./faults.ts";
import { serveGit } from "./git-host.ts";
import type { Hooks } from "./hooks.ts";
import { pointsOf, type RateLimits, RateMeter, secondaryLimit } from "./rates.ts";
import type { Render } from "./render.ts";
import type { Answer, Call, Route } from "./route.ts";
import { appRoutes } from "./routes-app.ts";
import { checkRoutes } from "./routes-checks.ts";
import { commentRoutes } from "./routes-comments.ts";
import { pullRoutes } from "./routes-pulls.ts";
import { repoRoutes } from "./routes-repos.ts";
import type { World } from "./world.ts";

/** The REST API is below it, as on a GitHub Enterprise Server. */
export const API_ROOT = "/api/v3";
const MAX_BODY_BYTES = 8 << 20;
const ROUTES: Readonly<Record<string, Route>> = {
  ...appRoutes,
  ...repoRoutes,
  ...pullRoutes,
  ...commentRoutes,
  ...checkRoutes,
};

/** One request of the REST API, as a test reads it afterwards. */
export interface RecordedCall {
  readonly method: string;
  readonly path: string;
  /** "" where the description knows no such call. */
  readonly operationId: string;
  readonly body: unknown;
  readonly points: number;
  /** 0: the connection was cut. */
  status: number;
}

export interface ServerParts {
  readonly world: World;
  readonly description: Description;
  readonly key: AppKey;
  readonly limits: RateLimits;
  readonly gitRoot: string;
  readonly complain: (text: string) => void;
  /** A page for people; undefined: there is none of that path. */
  readonly showPage: (path: string) => string | undefined;
  /** A form of such a page that was sent. */
  readonly takeForm: (path: string, fields: URLSearchParams) => Promise<void>;
}

export class FakeServer {
  readonly calls: RecordedCall[] = [];
  /** "POST /owner/name.git/git-upload-pack" */
  readonly gitRequests: string[] = [];
  readonly faults = new Faults();
  readonly #parts: ServerParts;
  readonly #server: Server;
  readonly #meters = new Map<string, RateMeter>();
  #linked: { readonly render: Render; readonly hooks: Hooks } | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#server = createServer((req, res) => {
      this.#handle(req, res).catch((error: unknown) => {
        // A mistake of the fake is no answer of GitHub's.
        parts.complain(`the fake broke down: ${(error as Error).stack}`);
        res.writeHead(500).end();
      });
    });
  }

  /** `port`: 0 for a free one. */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  link(render: Render, hooks: Hooks): void {
    this.#linked = { render, hooks };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? "/", "http://localhost");
    if (url.pathname.startsWith(`${API_ROOT}/`)) return this.#api(req, res, url);
    if (/\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/.test(url.pathname)) return this.#git(req, res, url);
    if (req.method === "POST") {
      await this.#parts.takeForm(url.pathname, new URLSearchParams(await readBody(req)));
      res.writeHead(303, { location: url.pathname }).end();
      return;
    }
    const page = this.#parts.showPage(url.pathname);
    if (page === undefined) res.writeHead(404).end("Not Found");
    else res.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
  }

  #git(req: IncomingMessage, res: ServerResponse, url: URL): void {
    const { world, key, gitRoot } = this.#parts;
    this.gitRequests.push(`${req.method} ${url.pathname}`);
    const [, owner = "", name = ""] = /^\/([^/]+)\/(.+)\.git\//.exec(url.pathname) ?? [];
    const repo = world.repo(owner, name);
    let caller: Caller | undefined;
    try {
      if (req.headers.authorization !== undefined) caller = callerOf(req.headers.authorization, world, key);
    } catch {
      res.writeHead(401, { "www-authenticate": 'Basic realm="GitHub"' }).end("Invalid username or token.\n");
      return;
    }
    const reads =
      repo !== undefined &&
      (!repo.isPrivate ||
        (caller?.kind === "installation" && sees(caller, repo) && caller.permissions.contents !== undefined));
    if (!reads) {
      // Without a name one is asked for it, whether the repository is there or not.
      const asks = caller === undefined;
      res.writeHead(asks ? 401 : 404, asks ? { "www-authenticate": 'Basic realm="GitHub"' } : {}).end();
    } else serveGit(gitRoot, url.pathname, req, res);
  }

  async #api(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    const path = url.pathname.slice(API_ROOT.length);
    const method = (req.method ?? "GET").toLowerCase();
    const text = await readBody(req);
    let body: unknown;
    try {
      body = text === "" ? undefined : JSON.parse(text);
    } catch {
      res.writeHead(400).end('{"message":"Problems parsing JSON"}');
      return;
    }
    const query = Object.fromEntries(url.searchParams);
    const matched = this.#parts.description.match({
      method,
      path,
      query,
      body: body ?? (method === "get" ? undefined : {}),
    });
    const operationId = matched?.operationId ?? "";
    const record: RecordedCall = {
      method,
      path: path + url.search,
      operationId,
      body,
      points: pointsOf(method),
      status: 0,
    };
    this.calls.push(record);
    const fault = this.faults.take({ operationId, method });
    const send = (status: number, headers: Record<string, string>, answer: unknown): void => {
      record.status = status;
      const raw = typeof answer === "string" ? answer : JSON.stringify(answer);
      res.writeHead(status, {
        "content-type": "application/json; charset=utf-8",
        "x-github-request-id": "FAKE",
        ...headers,
      });
      res.end(status === 204 ? undefined : raw);
    };
    if (fault !== undefined && fault.when !== "after") return this.#fail(fault, res, send);
    const { status, headers, body: answer } = this.#answer(req, method, path, query, body, matched, url);
    if (fault !== undefined) return this.#fail(fault, res, send);
    send(status ?? 200, { ...headers }, answer);
  }

  async #fail(
    { how }: Fault,
    res: ServerResponse,
    send: (status: number, headers: Record<string, string>, answer: unknown) => void,
  ): Promise<void> {
    if (how === "secondary") {
      const error = secondaryLimit(1);
      return send(error.status, { ...error.headers }, { message: error.message });
    }
    if (typeof how === "number") return send(how, {}, { message: "Server Error" });
    if (typeof how === "function") await how();
    res.destroy();
  }

  #answer(
    req: IncomingMessage,
    method: string,
    path: string,
    query: Record<string, string>,
    body: unknown,
    matched: ReturnType<Description["match"]>,
    url: URL,
  ): Answer & { readonly headers: Readonly<Record<string, string>> } {
    const { world, description, key, complain, limits } = this.#parts;
    let meter: RateMeter | undefined;
    try {
      if (matched === undefined) {
        complain(`${method} ${path}: the fake knows no such call`);
        throw notFound();
      }
      const { operationId, params, wrong, operation } = matched;
      if (req.headers["user-agent"] === undefined)
        throw new ApiError(403, "Request forbidden by administrative rules.");
      if (req.headers["x-github-api-version"] === undefined) complain(`${operationId}: no X-GitHub-Api-Version`);
      const caller = callerOf(req.headers.authorization, world, key);
      const who = caller.kind === "app" ? "app" : `installation ${caller.installation.id}`;
      meter = this.#meters.get(who) ?? new RateMeter(limits, () => world.time());
      this.#meters.set(who, meter);
      meter.enter(method, operationId);
      allow(caller, operationId);
      if (wrong.length > 0) {
        complain(`${operationId}: ${wrong.join("; ")}`);
        throw new ApiError(422, "Validation Failed", { errors: wrong });
      }
      const route = ROUTES[operationId];
      if (route === undefined) throw new Error(`${operationId} is described and not made`);
      const answer = route(this.#call(caller, params, query, body, req, meter, url));
      const rightShape = answer.status === 204 || typeof answer.body === "string";
      const faulty = rightShape ? [] : description.wrongAnswer(operation, answer.status ?? 200, answer.body);
      if (faulty.length > 0) complain(`the fake answers ${operationId} wrongly: ${faulty.slice(0, 5).join("; ")}`);
      return { ...answer, headers: { ...meter.headers(), ...answer.headers } };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { status, message, errors } = error;
      const documentation_url = "https://docs.github.com/rest";
      const shown = { message, ...(errors === undefined ? {} : { errors }), documentation_url, status: String(status) };
      return { status, body: shown, headers: { ...meter?.headers(), ...error.headers } };
    } finally {
      meter?.leave();
    }
  }

  #call(
    caller: Caller,
    params: Readonly<Record<string, string>>,
    query: Readonly<Record<string, string>>,
    body: unknown,
    req: IncomingMessage,
    meter: RateMeter,
    url: URL,
  ): Call {
    const { world, complain } = this.#parts;
    const { render, hooks } = this.#linked!;
    return {
      world,
      render,
      hooks,
      caller,
      params,
      query,
      body: body ?? {},
      accept: req.headers.accept ?? "",
      api: render.api,
      complain,
      rates: () => {
        const headers = meter.headers();
        const value = (name: string): number => Number(headers[`x-ratelimit-${name}`]);
        return { limit: value("limit"), remaining: value("remaining"), reset: value("reset"), used: value("used") };
      },
      page: (items, show, under) => {
        const perPage = Math.min(100, Math.max(1, Number(query.per_page ?? 30)));
        const page = Math.max(1, Number(query.page ?? 1));
        const last = Math.max(1, Math.ceil(items.length / perPage));
        const shown = items.slice((page - 1) * perPage, page * perPage).map(show);
        const to = (n: number, rel: string): string => {
          const next = new URL(url);
          next.searchParams.set("page", String(n));
          return `<${render.api}${next.pathname.slice(API_ROOT.length)}${next.search}>; rel="${rel}"`;
        };
        const link = page < last ? { link: `${to(page + 1, "next")}, ${to(last, "last")}` } : {};
        return { body: under === undefined ? shown : { total_count: items.length, [under]: shown }, headers: link };
      },
    };
  }
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error("the body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
