// Where the mail service keeps what. Its store is its own: what GitHub's service keeps is neither seen nor touched, and neither is it by it.

import { join } from "node:path";
import { locateState } from "../kernel/state-folder.ts";
import type { ChildSettings } from "../service/child.ts";
import type { MailConfig } from "./config.ts";

export interface MailFolders {
  /** Messages, jobs, mails to be sent; and what the sources keep. One process at a time works in here. */
  readonly state: string;
  readonly lock: string;
  readonly scratch: string;
  /** Of the child that reviews; nothing of the above is in there. */
  readonly child: ChildSettings;
}

/** The config's `state`, else mail/ in the state folder of all of objreview. */
export function mailFolders(
  config: Pick<MailConfig, "state" | "sandbox">,
  env: Readonly<Record<string, string | undefined>>,
): MailFolders {
  const common = locateState(env);
  const state = config.state ?? join(common.state, "mail");
  return {
    state,
    lock: join(state, "mail.lock"),
    scratch: join(state, "scratch"),
    child: {
      reviewState: config.state === undefined ? join(common.state, "reviews") : join(state, "reviews"),
      reviewCache: common.cache,
      sandbox: config.sandbox,
    },
  };
}
