import type { FakeGitHub } from "./fake-github.ts";

/** The variables by which `objreview serve` becomes the App of this GitHub, on a port that is free. */
export function serviceEnvironment(fake: FakeGitHub): Record<string, string> {
  return {
    APP_ID: String(fake.app.id),
    PRIVATE_KEY: fake.app.privateKey,
    WEBHOOK_SECRET: fake.app.webhookSecret,
    GITHUB_API_URL: fake.url,
    GITHUB_WEB_URL: fake.webUrl,
    HOST: "127.0.0.1",
    PORT: "0",
  };
}
