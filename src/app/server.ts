// Our own HTTP server around probot's middleware: probot has no bound on a body, no health and no orderly end.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createNodeMiddleware, Probot } from "probot";
import { errorWords } from "../service/log.ts";
import type { Records } from "../store/store.ts";
import { type AppParts, objreviewApp } from "./app.ts";
import type { Settings } from "./settings.ts";

export const WEBHOOKS_PATH = "/api/github/webhooks";
/** "Webhook payloads are capped at 25 MB" (docs.github.com, "Webhook events and payloads"). */
export const MAX_BODY_BYTES = 25 * 1024 * 1024;
/** GitHub waits 10 s for an answer; a sender that is slower than this is not GitHub. */
const REQUEST_MILLIS = 30_000;

export interface ServerParts extends AppParts {
  readonly settings: Pick<Settings, "appId" | "privateKey" | "webhookSecret" | "apiUrl" | "host" | "port">;
  readonly store: AppParts["store"] & Pick<Records, "open">;
  /** For readyz: why not, or undefined. */
  readonly trouble?: () => string | undefined;
}

export interface RunningServer {
  /** "http://127.0.0.1:3000" */
  readonly url: string;
  /** Takes no new request, lets those under way end. */
  close(): Promise<void>;
}

type Middleware = Awaited<ReturnType<typeof createNodeMiddleware>>;

export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { settings } = parts;
  const probot = new Probot({
    appId: settings.appId,
    privateKey: settings.privateKey,
    secret: settings.webhookSecret,
    baseUrl: settings.apiUrl,
    // It logs whole payloads of whoever sends one with a bad signature. What is worth knowing is in our log.
    logLevel: "fatal",
  });
  const middleware = await createNodeMiddleware(objreviewApp(parts), { probot, webhooksPath: WEBHOOKS_PATH });
  let isClosing = false;
  const server = createServer((request, response) => {
    answer(request, response, { parts, middleware, isClosing: () => isClosing }).catch((error: unknown) => {
      parts.log("error", "request", { error: errorWords(error) });
      if (!response.headersSent) reply(response, 500, "error");
      else response.destroy();
    });
  });
  server.requestTimeout = REQUEST_MILLIS;
  server.headersTimeout = REQUEST_MILLIS;
  await listen(server, settings.host, settings.port);
  const address = server.address() as AddressInfo;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${host}:${address.port}`,
    close() {
      isClosing = true;
      return new Promise((done) => {
        // A connection that becomes idle later is kept open for a next request, unless somebody looks again.
        const idle = setInterval(() => server.closeIdleConnections(), 50);
        server.close(() => {
          clearInterval(idle);
          done();
        });
        server.closeIdleConnections();
      });
    },
  };
}

interface Around {
  readonly parts: ServerParts;
  readonly middleware: Middleware;
  readonly isClosing: () => boolean;
}

async function answer(request: IncomingMessage, response: ServerResponse, around: Around): Promise<void> {
  const path = (request.url ?? "/").split("?")[0];
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (path === "/healthz" && isRead) return reply(response, 200, "ok");
  if (path === "/readyz" && isRead) {
    const trouble = around.isClosing() ? "stopping" : (around.parts.trouble?.() ?? (await storeTrouble(around.parts)));
    return reply(response, trouble === undefined ? 200 : 503, trouble ?? "ready");
  }
  if (path !== WEBHOOKS_PATH) return reply(response, 404, "not found");
  if (request.method !== "POST") return reply(response, 405, "POST only");
  // GitHub always says how long it is; Node takes no byte more than was said.
  const length = request.headers["content-length"];
  if (length === undefined || !/^\d{1,10}$/.test(length)) return refuse(request, response, 411, "length required");
  if (Number(length) > MAX_BODY_BYTES) return refuse(request, response, 413, "too long");
  // What is not of this form at all need not be read either; whether it is right is probot's to say.
  const signature = request.headers["x-hub-signature-256"];
  if (typeof signature !== "string" || !/^sha256=[0-9a-f]{64}$/.test(signature))
    return refuse(request, response, 400, "not signed");
  const { "x-github-event": event, "x-github-delivery": delivery } = request.headers;
  if (![event, delivery].every((name) => typeof name === "string" && /^[\w-]{1,100}$/.test(name)))
    return refuse(request, response, 400, "no event");
  await around.middleware(request, response, () => reply(response, 404, "not found"));
}

async function storeTrouble({ store, log }: ServerParts): Promise<string | undefined> {
  try {
    await store.open(1);
    return undefined;
  } catch (error) {
    log("error", "store", { error: errorWords(error) });
    return "store";
  }
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

/** Without reading what comes. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  response.setHeader("connection", "close");
  response.once("finish", () => request.destroy());
  reply(response, status, text);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(port, host, () => {
      server.off("error", fail);
      done();
    });
  });
}
