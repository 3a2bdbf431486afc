// What the tests of the app share: an environment to start in, GitHub's examples, a store of its own.

import { createHmac, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store, StoreOptions } from "../../src/store/store.ts";

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

export const ENVIRONMENT = {
  APP_ID: "4711",
  PRIVATE_KEY: privateKey.trim(),
  WEBHOOK_SECRET: "e3b0c44298fc1c149afbf4c8996fb924",
  HOME: "/nonexistent",
} as const;

const examples = JSON.parse(readFileSync(new URL("./fixtures/webhooks.json", import.meta.url), "utf8"));

/** A copy of GitHub's published example, "pull_request.opened". */
// biome-ignore lint/suspicious/noExplicitAny: a payload that the test changes as it likes
export function example(name: string): any {
  const found = examples[name];
  if (found === undefined) throw new Error(`no example ${name}`);
  return structuredClone(found);
}

export async function openStore(t: TestContext, options: StoreOptions = {}): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), "objreview-app-"));
  const store = await openSqliteStore(folder, options);
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return store;
}

export function signed(body: string, secret: string = ENVIRONMENT.WEBHOOK_SECRET): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

export const silent = (): void => undefined;
