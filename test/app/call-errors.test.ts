import assert from "node:assert/strict";
import { test } from "node:test";
import nock from "nock";
import { retryAt } from "../../src/app/call-errors.ts";
import { GitHub, withDeadline } from "../../src/app/client.ts";
import { readSettings } from "../../src/app/settings.ts";
import { FormatError } from "../../src/base/errors.ts";
import { ENVIRONMENT } from "./parts.ts";

const API = "https://api.github.com";
const NOW = 1_700_000_000_000;

function client(): GitHub {
  return new GitHub(readSettings({ ...ENVIRONMENT, OBJREVIEW_THROTTLE: "off" }));
}

async function failure(answer: (scope: nock.Interceptor) => void, call = "/app"): Promise<unknown> {
  nock.disableNetConnect();
  answer(nock(API).get(call));
  try {
    await client().app.request(`GET ${call}`);
  } catch (error) {
    return error;
  } finally {
    assert.deepEqual(nock.pendingMocks(), []);
    nock.cleanAll();
    nock.enableNetConnect();
  }
  throw new Error("it did not fail");
}

test("a rate limit is waited for as long as GitHub says", async () => {
  const secondary = await failure((get) =>
    get.reply(403, { message: "You have exceeded a secondary rate limit" }, { "retry-after": "77" }),
  );
  assert.equal(retryAt(secondary, 1, NOW), NOW + 77_000);
  const primary = await failure((get) =>
    get.reply(
      403,
      { message: "API rate limit exceeded" },
      { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(NOW / 1000 + 600) },
    ),
  );
  assert.equal(retryAt(primary, 1, NOW), NOW + 600_000);
  const silent = await failure((get) => get.reply(429, { message: "Too many" }));
  assert.equal(retryAt(silent, 1, NOW), NOW + 60_000);
  const absurd = await failure((get) => get.reply(429, {}, { "retry-after": "99999999" }));
  assert.equal(retryAt(absurd, 1, NOW), NOW + 3_600_000);
});

test("a bad moment is waited out ever longer, a refusal is not asked for again", async () => {
  const bad = await failure((get) => get.reply(502));
  assert.deepEqual(
    [1, 2, 3].map((attempt) => retryAt(bad, attempt, NOW)! - NOW),
    [2000, 4000, 8000],
  );
  assert.equal(retryAt(bad, 40, NOW), undefined);
  const cut = await failure((get) => get.replyWithError("socket hang up"));
  assert.equal(retryAt(cut, 1, NOW), NOW + 2000);
  for (const status of [400, 403, 404, 410, 422]) {
    const refused = await failure((get) => get.reply(status, { message: "Resource not accessible by integration" }));
    assert.equal(retryAt(refused, 1, NOW), undefined, String(status));
  }
  assert.equal(retryAt(new FormatError("bad-value", "x", { format: "errand" }), 1, NOW), undefined);
});

test("a call that failed is made once, names the version of the API, and ends with its deadline", async () => {
  nock.disableNetConnect();
  try {
    let calls = 0;
    nock(API, { reqheaders: { "x-github-api-version": "2022-11-28", "user-agent": /^objreview\// } })
      .persist()
      .get("/app")
      .reply(() => {
        calls++;
        return [500, {}];
      });
    const github = client();
    await assert.rejects(github.app.rest.apps.getAuthenticated());
    assert.equal(calls, 1);
    await assert.rejects(
      withDeadline(AbortSignal.abort(), () => github.app.rest.apps.getAuthenticated()),
      /not answered in time/,
    );
    // The deadline was of that work, and not of the client.
    await assert.rejects(github.app.rest.apps.getAuthenticated(), (error: unknown) => {
      return (error as { status?: number }).status === 500;
    });
    assert.equal(calls, 2);
  } finally {
    nock.cleanAll();
    nock.enableNetConnect();
  }
});

test("the token for git reads the code of one repository", async () => {
  nock.disableNetConnect();
  try {
    nock(API)
      .post("/app/installations/7/access_tokens", { repositories: ["linux"], permissions: { contents: "read" } })
      .reply(201, { token: "ghs_only", expires_at: "2999-01-01T00:00:00Z", permissions: { contents: "read" } });
    const token = await client().fetchToken({ installation: 7, owner: "acme", repo: "linux" });
    assert.equal(token, "ghs_only");
    assert.deepEqual(nock.pendingMocks(), []);
  } finally {
    nock.cleanAll();
    nock.enableNetConnect();
  }
});
