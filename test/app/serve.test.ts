import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startFakeGitHub } from "../support/github/fake-github.ts";
import { serviceEnvironment } from "../support/github/service-environment.ts";

const OBJREVIEW = fileURLToPath(new URL("../../bin/objreview", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(environment: Record<string, string>): {
  child: ChildProcess;
  ended: Promise<Ended>;
  line: Promise<string>;
} {
  const env = { PATH: process.env.PATH ?? "", ...environment };
  const child = spawn(OBJREVIEW, ["serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  const line = new Promise<string>((done) => {
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes("\n")) done(out.slice(0, out.indexOf("\n")));
    });
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Ended>((done) =>
    child.on("exit", (code) => setTimeout(() => done({ code, out, err }), 20)),
  );
  return { child, ended, line };
}

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "objreview-serve-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("serve says what is missing and does not start", async (t) => {
  const home = folder(t);
  const { code, out, err } = await run({ HOME: home, APP_ID: "1", WEBHOOK_SECRET: "development" }).ended;
  assert.equal(code, 2);
  assert.equal(out, "");
  assert.match(err, /^objreview: PRIVATE_KEY is not set; WEBHOOK_SECRET is shorter than 16 characters/);
  assert.deepEqual(
    readdirSync(home).filter((name) => name !== ".cache"),
    [],
    "nothing was made",
  );
});

test("serve runs until it is told to stop, holds its secrets back, and ends with 0", async (t) => {
  const home = folder(t);
  const fake = await startFakeGitHub({ dir: join(home, "github") });
  t.after(() => fake.stop());
  const { child, ended, line } = run({
    HOME: home,
    ...serviceEnvironment(fake),
    OBJREVIEW_STATE: join(home, "state"),
    OBJREVIEW_CACHE: join(home, "cache"),
  });
  t.after(() => child.kill("SIGKILL"));
  const url = await line;
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  child.kill("SIGTERM");
  const { code, err } = await ended;
  assert.equal(code, 0, err);
  const messages = err
    .trim()
    .split("\n")
    .map((each) => (JSON.parse(each) as { message: string }).message);
  assert.deepEqual([messages[0], messages.at(-1)], ["started", "stopped"]);
  assert.equal(err.includes(fake.app.webhookSecret), false);
  assert.match(
    readFileSync(join(home, "state", "service", "objreview.sqlite"))
      .subarray(0, 15)
      .toString(),
    /SQLite/,
  );
});
