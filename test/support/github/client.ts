import { App, Octokit } from "octokit";
import type { FakeGitHub } from "./fake-github.ts";
import type { Repo } from "./world.ts";

/** As much of the fake as a client has to know. */
type Place = Pick<FakeGitHub, "url" | "app">;

const silent = (): void => {};

/** GitHub's own client. It neither waits nor tries again: what the fake answers is what a test sees. */
function plainOctokit(fake: Place): typeof Octokit {
  const versioned = Octokit.plugin((octokit) => {
    octokit.hook.before("request", (options) => {
      options.headers["x-github-api-version"] = "2022-11-28";
    });
  });
  return versioned.defaults({
    baseUrl: fake.url,
    throttle: { enabled: false },
    retry: { enabled: false },
    log: { debug: silent, info: silent, warn: silent, error: silent },
  }) as typeof Octokit;
}

function appClient(fake: Place): App {
  return new App({ appId: fake.app.id, privateKey: fake.app.privateKey, Octokit: plainOctokit(fake) });
}

/** As whoever has the token. */
export function tokenOctokit(fake: Place, token: string): Octokit {
  return new (plainOctokit(fake))({ auth: token });
}

/** As the App itself. */
export function appOctokit(fake: Place): Octokit {
  return appClient(fake).octokit;
}

/** As the App's installation in the repository. */
export async function installationClient(fake: Place, repo: Repo): Promise<Octokit> {
  const app = appClient(fake);
  const { data } = await app.octokit.rest.apps.getRepoInstallation({ owner: repo.owner, repo: repo.name });
  return app.getInstallationOctokit(data.id);
}
