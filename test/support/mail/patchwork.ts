// A patchwork for tests: a small one of our own, whose requests and answers keep to the parts of patchwork's description of its API (docs/api/schemas/v1.2) that
// are written down here, or the real one where OBJREVIEW_TEST_PATCHWORK names a checkout of it (Django and its REST framework as Debian has them).

import { execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ajv } from "ajv";
import { freePort, temporaryFolder } from "./daemon.ts";

export interface PatchworkServer {
  readonly url: string;
  readonly token: string;
  /** Requests so far, "POST /api/1.2/patches/1/checks/"; of the real one undefined. */
  readonly requests?: string[];
  /** Answers the next request with this instead; only of ours. */
  failNext?(status: number, headers?: Record<string, string>, body?: string): void;
  close(): Promise<void>;
}

export const PROJECT = "linux-test";

const state = { enum: ["pending", "success", "warning", "fail"] };
const targetUrl = { oneOf: [{ type: "null" }, { type: "string", pattern: "^https?://", maxLength: 200 }] };
const context = { type: "string", pattern: "^[-a-zA-Z0-9_]+$", minLength: 1, maxLength: 255 };
const checkCreate = {
  type: "object",
  required: ["state"],
  properties: { state, target_url: targetUrl, context, description: { type: ["null", "string"] } },
};
const check = {
  type: "object",
  required: ["id", "url", "user", "date", "state", "target_url", "context", "description"],
  properties: {
    id: { type: "integer" },
    url: { type: "string" },
    user: { type: "object" },
    date: { type: "string" },
    ...checkCreate.properties,
  },
};
const patch = {
  type: "object",
  required: ["id", "url", "project", "msgid", "name", "state", "check", "checks"],
  properties: { id: { type: "integer" }, msgid: { type: "string" }, check: state, checks: { type: "string" } },
};

export async function ownPatchwork(messageIds: readonly string[]): Promise<PatchworkServer> {
  const ajv = new Ajv();
  const isRequest = ajv.compile(checkCreate);
  const isCheck = ajv.compile({ type: "array", items: check });
  const isPatch = ajv.compile({ type: "array", items: patch });
  const token = "0123456789abcdef0123456789abcdef01234567";
  const checks = new Map<number, Record<string, unknown>[]>();
  const requests: string[] = [];
  const failures: { status: number; headers: Record<string, string>; body: string }[] = [];
  let nextId = 1;

  const answer = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    requests.push(`${request.method} ${url.pathname}`);
    const failure = failures.shift();
    if (failure !== undefined) return answer(response, failure.status, failure.body, failure.headers);
    if (url.pathname === "/api/1.2/patches/" && request.method === "GET") {
      const found = messageIds
        .map((id, i) => ({ id, number: i + 1 }))
        .filter(({ id }) => id === url.searchParams.get("msgid") && url.searchParams.get("project") === PROJECT)
        .map(({ id, number }) => ({
          id: number,
          url: `/api/1.2/patches/${number}/`,
          project: { link_name: PROJECT },
          msgid: `<${id}>`,
          name: "x",
          state: "new",
          check: "pending",
          checks: `/api/1.2/patches/${number}/checks/`,
        }));
      if (!isPatch(found)) throw new Error(ajv.errorsText(isPatch.errors));
      return answer(response, 200, found);
    }
    const number = Number(/^\/api\/1\.2\/patches\/(\d+)\/checks\/$/.exec(url.pathname)?.[1]);
    if (!(number >= 1 && number <= messageIds.length)) return answer(response, 404, { detail: "Not found." });
    const all = checks.get(number) ?? [];
    if (request.method === "GET") {
      const [page, size] = [Number(url.searchParams.get("page") ?? 1), Number(url.searchParams.get("per_page") ?? 30)];
      const wanted = all.filter((each) => each.context === (url.searchParams.get("context") ?? each.context));
      const shown = wanted.slice((page - 1) * size, page * size);
      if (page > 1 && shown.length === 0) return answer(response, 404, { detail: "Invalid page." });
      if (!isCheck(shown)) throw new Error(ajv.errorsText(isCheck.errors));
      return answer(response, 200, shown);
    }
    if (request.headers.authorization !== `Token ${token}`) return answer(response, 401, { detail: "Invalid token." });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Record<string, unknown>;
    if (!isRequest(body)) return answer(response, 400, { state: [ajv.errorsText(isRequest.errors)] });
    const made = {
      target_url: null,
      description: null,
      context: "default",
      ...body,
      id: nextId,
      url: `/x/${nextId}`,
      user: {},
      date: "2026-11-02T12:00:00",
    };
    nextId++;
    checks.set(number, [...all, made]);
    return answer(response, 201, made);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => answer(response, 500, { detail: error.message }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    requests,
    failNext: (status, headers = {}, body = "{}") => failures.push({ status, headers, body }),
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}

const run = promisify(execFile);

/** patchwork itself, with SQLite, a maintainer and a patch for each Message-ID. */
export async function realPatchwork(checkout: string, messageIds: readonly string[]): Promise<PatchworkServer> {
  const folder = temporaryFolder("patchwork");
  mkdirSync(join(folder.path, "settings"));
  writeFileSync(
    join(folder.path, "settings", "try_settings.py"),
    `from patchwork.settings.base import *
SECRET_KEY = "x" * 50
DEBUG = True
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "${folder.path}/db"}}
ENABLE_REST_API = True
`,
  );
  const env = {
    PATH: "/usr/bin:/bin",
    DJANGO_SETTINGS_MODULE: "try_settings",
    PYTHONPATH: `${join(folder.path, "settings")}:${checkout}`,
  };
  const manage = (args: readonly string[]) =>
    run("/usr/bin/python3", [join(checkout, "manage.py"), ...args], { env, cwd: checkout });
  await manage(["migrate", "-v", "0"]);
  const { stdout } = await manage([
    "shell",
    "-c",
    `
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from patchwork.models import *
import datetime
u = User.objects.create_superuser("bot", "bot@example.org", "x")
p = Project.objects.create(linkname="${PROJECT}", name="x", listid="x", listemail="x@example.org")
u.profile.maintainer_projects.add(p)
a = Person.objects.create(email="dev@example.org", name="Dev")
State.objects.get_or_create(name="New", slug="new", ordering=0, action_required=True)
for m in ${JSON.stringify(messageIds)}:
    Patch.objects.create(project=p, msgid="<" + m + ">", name="x", date=datetime.datetime.utcnow(), headers="", submitter=a, content="", diff="x", state=State.objects.first())
print("token=" + Token.objects.get_or_create(user=u)[0].key)
`,
  ]);
  const token = /token=(\w+)/.exec(stdout)?.[1] ?? "";
  const port = await freePort();
  const server = spawn(
    "/usr/bin/python3",
    [join(checkout, "manage.py"), "runserver", "--noreload", `127.0.0.1:${port}`],
    { env, cwd: checkout, stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 200; i++) {
    if (
      await fetch(`${url}/api/1.2/`).then(
        (response) => response.ok,
        () => false,
      )
    )
      break;
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    url,
    token,
    close: async () => {
      server.kill();
      await new Promise((done) => server.once("exit", done));
      folder.remove();
    },
  };
}
