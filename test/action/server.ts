// GitHub as the post job sees it, one pull request of it, behind nock: what is written is kept, so that a second run meets the first one's.
import nock from "nock";
import type { PullFile } from "../../src/action/pull-files.ts";
import { reviewZip } from "./zips.ts";

export const API = "https://api.example.org";
export const TOKEN = "test-token-of-nobody";
export const HEAD = "c".repeat(40);
export const BASE = "b".repeat(40);
const BOT = { login: "github-actions[bot]" };
const PULL = "/repos/owner/name/pulls/7";

interface Comment {
  id: number;
  user: { login: string };
  body: string;
  path?: string;
  line?: number;
  in_reply_to_id?: number;
}

interface Check {
  id: number;
  name: string;
  head_sha: string;
  external_id: string;
  status: string;
  conclusion?: string;
  actions?: unknown;
  details_url?: string;
  output: { title: string; summary: string; annotations_count: number };
}

export class Server {
  /** Lines of the diff that take comments, "path:line"; every other is refused as GitHub does. */
  readonly lines: ReadonlySet<string>;
  readonly files: PullFile[];
  artifact: Uint8Array | undefined;
  /** Names that the run's artifact list has besides. */
  artifactBytes: number | undefined;
  config: string | undefined;
  mergeBase = "";
  headSha = HEAD;
  draft = false;
  /** Pull requests of other people's branches with the same head, in the list. */
  others: object[] = [];
  lineComments: Comment[] = [];
  talk: Comment[] = [];
  checks: Check[] = [];
  annotations: { path: string; message: string }[] = [];
  /** "POST /path" of what writes. */
  writes: string[] = [];
  calls: string[] = [];
  /** Called before each write: may change what the next calls see. */
  onWrite: ((write: string) => void) | undefined;
  #next = 1000;

  constructor(files: PullFile[], lines: readonly string[]) {
    this.files = files;
    this.lines = new Set(lines);
    nock.disableNetConnect();
    const scope = nock(API, { reqheaders: { authorization: `token ${TOKEN}`, "x-github-api-version": "2022-11-28" } });
    const on = (
      method: "get" | "post" | "patch" | "delete",
      path: RegExp,
      answer: (path: string, body: never) => [number, unknown?],
    ): void => {
      scope[method](path)
        .times(1000)
        .reply(async (request: Request) => {
          const { pathname, search } = new URL(request.url);
          const call = `${method.toUpperCase()} ${pathname}`;
          const text = await request.text();
          this.calls.push(call);
          if (method !== "get") {
            this.writes.push(call);
            this.onWrite?.(call);
          }
          const [status, body] = answer(`${pathname}${search}`, (text === "" ? undefined : JSON.parse(text)) as never);
          return [status, body === undefined ? "" : JSON.stringify(body), { "content-type": "application/json" }];
        });
    };
    on("get", /\/pulls\?/, (uri) => [200, uri.includes("head=someone%3Atopic") ? [...this.others, this.#pull()] : []]);
    on("get", /\/pulls\/7$/, () => [200, this.#pull()]);
    on("get", /\/pulls\/7\/files/, (uri) => [200, uri.includes("page=1") ? this.files : []]);
    on("get", /\/compare\//, () => [200, { merge_base_commit: { sha: this.mergeBase } }]);
    on("get", /\/contents\//, () =>
      this.config === undefined
        ? [404, { message: "Not Found" }]
        : [200, { type: "file", content: Buffer.from(this.config).toString("base64") }],
    );
    on("get", /\/actions\/runs\/55\/artifacts/, () => {
      const size = this.artifactBytes ?? this.artifact?.length ?? 0;
      const one = { id: 9, name: "objreview", size_in_bytes: size, expired: false };
      return [200, { artifacts: this.artifact === undefined ? [] : [one, { ...one, id: 3 }, { ...one, name: "x" }] }];
    });
    scope
      .get("/repos/owner/name/actions/artifacts/9/zip")
      .times(100)
      .reply(302, "", { location: "https://storage.example.org/zip" });
    // A token is not for the storage that the answer leads to.
    nock("https://storage.example.org", { badheaders: ["authorization"] })
      .get("/zip")
      .times(100)
      .reply(async () => [200, Buffer.from(this.artifact!), { "content-type": "application/zip" }]);
    on("get", /\/pulls\/7\/comments/, () => [200, this.lineComments]);
    on("get", /\/issues\/7\/comments/, () => [200, this.talk]);
    on("get", /\/check-runs/, () => [200, { total_count: this.checks.length, check_runs: this.checks }]);
    on("post", /\/check-runs$/, (_, body) => this.#createCheck(body));
    on("patch", /\/check-runs\/\d+$/, (uri, body) => this.#updateCheck(Number(uri.split("/").at(-1)), body));
    on("post", /\/pulls\/7\/reviews$/, (_, body: { comments: Comment[] }) => {
      if (!body.comments.every((each) => this.#takes(each))) return [422, { message: "Line could not be resolved" }];
      for (const each of body.comments) this.#comment(each);
      return [200, { id: this.#next++ }];
    });
    on("post", /\/pulls\/7\/comments$/, (_, body: Comment) =>
      this.#takes(body) ? [201, this.#comment(body)] : [422, { message: "Line could not be resolved" }],
    );
    on("post", /\/issues\/7\/comments$/, (_, { body }: { body: string }) => {
      this.talk.push({ id: this.#next++, user: BOT, body });
      return [201, { id: this.#next }];
    });
    for (const [path, list] of [
      [/\/pulls\/comments\/\d+$/, () => this.lineComments],
      [/\/issues\/comments\/\d+$/, () => this.talk],
    ] as const) {
      on("patch", path, (uri, { body }: { body: string }) => {
        list().find(({ id }) => id === Number(uri.split("/").at(-1)))!.body = body;
        return [200, {}];
      });
    }
    on("delete", /\/pulls\/comments\/\d+$/, (uri) => {
      this.lineComments = this.lineComments.filter(({ id }) => id !== Number(uri.split("/").at(-1)));
      return [204];
    });
  }

  set review(text: string) {
    this.artifact = reviewZip(text);
  }

  #pull() {
    return {
      ...{ number: 7, state: "open", draft: this.draft },
      head: { sha: this.headSha, repo: { id: 42 } },
      base: { ref: "main", sha: BASE },
    };
  }

  #takes({ path, line }: Comment): boolean {
    return this.lines.has(`${path}:${line}`);
  }

  #comment(comment: Comment): Comment {
    const made = { ...comment, id: this.#next++, user: BOT };
    this.lineComments.push(made);
    return made;
  }

  #createCheck(body: Check & { output: { annotations?: [] } }): [number, unknown] {
    const check = { ...body, id: this.#next++, output: { ...body.output, annotations_count: 0 } };
    this.checks.push(check);
    this.#annotate(check, body.output.annotations);
    return [201, check];
  }

  #updateCheck(id: number, body: Check & { output: { annotations?: [] } }): [number, unknown] {
    const check = this.checks.find((each) => each.id === id)!;
    const count = check.output.annotations_count;
    Object.assign(check, body, { output: { ...body.output, annotations_count: count } });
    this.#annotate(check, body.output.annotations);
    return [200, check];
  }

  #annotate(check: Check, annotations: { path: string; message: string }[] = []): void {
    if (annotations.length > 50) throw new Error("more than 50 annotations");
    this.annotations.push(...annotations);
    check.output.annotations_count += annotations.length;
  }
}

export const PULL_PATH = PULL;

/** The end of the build's run, as $GITHUB_EVENT_PATH has it. */
export function workflowRun(change: object = {}): string {
  return JSON.stringify({
    action: "completed",
    repository: { full_name: "owner/name" },
    workflow_run: {
      ...{ id: 55, run_attempt: 1, html_url: "https://example.org/owner/name/actions/runs/55" },
      ...{ event: "pull_request", conclusion: "success", head_sha: HEAD, head_branch: "topic" },
      head_repository: { id: 42, owner: { login: "someone" } },
      ...change,
    },
  });
}
