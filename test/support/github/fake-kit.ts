import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { installationClient } from "./client.ts";
import { type FakeGitHub, type FakeGitHubOptions, startFakeGitHub } from "./fake-github.ts";

// One repository with one pull request of one changed line, and who asks.

const LINES = Array.from({ length: 40 }, (_, i) => `line ${i + 1}`);
export const text = (change: Readonly<Record<number, string>> = {}): string =>
  `${LINES.map((line, i) => change[i + 1] ?? line).join("\n")}\n`;

export async function start(t: TestContext, options: Partial<FakeGitHubOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "fake-github-"));
  const fake = await startFakeGitHub({ dir, ...options });
  t.after(async () => {
    await fake.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const repo = fake.repo("octo/tree", { files: { "a.c": text() } });
  const pull = await fake.openPull(repo, { author: "ada", commits: [{ "a.c": text({ 20: "changed" }) }] });
  const octokit = await installationClient(fake, repo);
  const at = { owner: "octo", repo: "tree" };
  const n = { ...at, pull_number: pull.number };
  return { fake, repo, pull, octokit, at, n, rest: octokit.rest };
}

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

export async function refusal(promise: Promise<unknown>): Promise<Refusal> {
  const error = await promise.then(
    () => assert.fail("it was taken"),
    (reason: unknown) => reason,
  );
  return error as Refusal;
}

export async function status(promise: Promise<unknown>): Promise<number> {
  return (await refusal(promise)).status;
}

export interface Heard {
  readonly event: string;
  readonly guid: string;
  readonly payload: { readonly [key: string]: unknown };
  readonly isSigned: boolean;
}

/** A receiver of webhooks that keeps what it hears. */
export async function listen(t: TestContext, fake: FakeGitHub, answer: () => Promise<number> | number = () => 200) {
  const heard: Heard[] = [];
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += chunk;
    const isSigned =
      `sha256=${createHmac("sha256", fake.app.webhookSecret).update(body).digest("hex")}` ===
      req.headers["x-hub-signature-256"];
    const guid = String(req.headers["x-github-delivery"]);
    heard.push({ event: String(req.headers["x-github-event"]), guid, payload: JSON.parse(body), isSigned });
    res.writeHead(await answer()).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  fake.listenAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return heard;
}
