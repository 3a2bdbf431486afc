import { userInfo } from "node:os";
import { fileURLToPath } from "node:url";
import { locateState } from "../../src/kernel/state-folder.ts";

/** The folder that package.json is in. */
export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The environment with HOME filled in: some CI runners start with an empty one. */
export function withHome(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return env.HOME ? env : { ...env, HOME: userInfo().homedir };
}

/** Where everything that can be made again is kept, shared by all clones of a user: the folder that reviews use too. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return locateState(withHome(env)).cache;
}
