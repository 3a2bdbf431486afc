// From the configuration to where the mail comes from.

import type { SourceConfig } from "../config.ts";
import type { MailSource } from "../source.ts";
import { openImap } from "./imap.ts";
import { openMaildir } from "./maildir.ts";
import { openMbox } from "./mbox.ts";
import { openPublicInbox } from "./public-inbox.ts";
import { openStdin } from "./stdin.ts";

export interface SourceParts {
  /** Absolute path of the service's state folder: clones of archives are kept in sources/ below it. One process at a time works in there. */
  readonly state: string;
  /** What "stdin" reads. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Milliseconds since 1970; the clock when it is not given. */
  readonly now?: () => number;
}

/** Connects to nothing and reads nothing yet. Throws UsageError for what the configuration's schema cannot see: TLS that is off towards another machine. */
export function openSource(config: SourceConfig, parts: SourceParts): MailSource {
  const now = parts.now ?? Date.now;
  switch (config.kind) {
    case "public-inbox":
      return openPublicInbox(config, { state: parts.state, now });
    case "imap":
      return openImap(config, { now });
    case "maildir":
      return openMaildir(config, { now });
    case "mbox":
      return openMbox(config, { now });
    case "stdin":
      return openStdin(config, parts.stdin);
  }
}
