import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "../../src/app/settings.ts";
import { UsageError } from "../../src/base/errors.ts";
import { ENVIRONMENT } from "./parts.ts";

function refusal(change: Record<string, string | undefined>): string {
  let message = "";
  assert.throws(
    () => readSettings({ ...ENVIRONMENT, ...change }),
    (error: unknown) => {
      assert.ok(error instanceof UsageError);
      message = error.message;
      return true;
    },
  );
  return message;
}

test("what has to be said, and the defaults of the rest", () => {
  const settings = readSettings(ENVIRONMENT);
  assert.equal(settings.appId, 4711);
  assert.equal(settings.apiUrl, "https://api.github.com");
  assert.equal(settings.webUrl, "https://github.com");
  assert.equal(settings.database, undefined);
  assert.equal(settings.port, 3000);
  assert.equal(settings.throttle, true);
  // The child that reviews is told of folders in which no store is.
  assert.equal(settings.storeFolder.startsWith(settings.reviewState), false);
  assert.equal(settings.storeFolder.startsWith(settings.reviewCache), false);
});

test("it does not start without a real secret", () => {
  assert.match(refusal({ WEBHOOK_SECRET: undefined }), /^WEBHOOK_SECRET is not set/);
  assert.match(refusal({ WEBHOOK_SECRET: "" }), /^WEBHOOK_SECRET is not set/);
  for (const poor of [
    "development",
    "development-development",
    "tiny",
    "aaaaaaaaaaaaaaaaaaaaaaaa",
    "my-webhook-secret-1",
  ]) {
    const message = refusal({ WEBHOOK_SECRET: poor });
    assert.match(message, /^WEBHOOK_SECRET (is shorter|can be guessed)/);
    assert.equal(message.includes(poor), false);
  }
});

test("all that is wrong is told at once, and no value", () => {
  const message = refusal({
    APP_ID: "objreview",
    PRIVATE_KEY: "hunter2-key",
    PORT: "99999",
    GITHUB_API_URL: "https://user:hunter2@api.example.org",
    OBJREVIEW_DATABASE: "mysql://hunter2",
    OBJREVIEW_SANDBOX: "hunter2",
  });
  for (const name of ["APP_ID", "PRIVATE_KEY", "PORT", "GITHUB_API_URL", "OBJREVIEW_DATABASE", "OBJREVIEW_SANDBOX"])
    assert.match(message, new RegExp(`${name} \\w`));
  assert.equal(message.includes("hunter2"), false);
});

test("a key may have its line ends written out", () => {
  const escaped = readSettings({ ...ENVIRONMENT, PRIVATE_KEY: ENVIRONMENT.PRIVATE_KEY.replaceAll("\n", "\\n") });
  assert.equal(escaped.privateKey, readSettings(ENVIRONMENT).privateKey);
});
