// Where a mail leaves the house: a mail server, or a folder for a dry run.

import type { MailConfig } from "./config.ts";
import { DryRunOutlet } from "./dry-run.ts";
import type { MailBody } from "./mail-body.ts";
import { SmtpOutlet } from "./smtp.ts";

/** What became of a mail. Only "again" is tried again: the others say it was taken, that it never will be, or that nobody can know. */
export type SendOutcome =
  | { readonly end: "sent"; readonly remote: string }
  | { readonly end: "again"; readonly error: string }
  | { readonly end: "refused"; readonly error: string }
  | { readonly end: "unknown"; readonly error: string };

export interface Outlet {
  /** Never throws for what the other side does. When `deadline` comes, it is given up, wherever it stands. */
  send(mail: MailBody, deadline: AbortSignal): Promise<SendOutcome>;
}

/** A dry run goes before a server; undefined: the config has neither. */
export function openOutlet(config: Pick<MailConfig, "smtp" | "dry-run">): Outlet | undefined {
  if (config["dry-run"] !== undefined) return new DryRunOutlet(config["dry-run"]);
  return config.smtp === undefined ? undefined : new SmtpOutlet(config.smtp);
}
