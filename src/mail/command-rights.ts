// Who may have what done: pure. Whoever is not named by the configuration and is not the author of the series is not answered, but for what concerns nobody
// else.

import type { MailCommand } from "./commands.ts";
import type { MailConfig } from "./config.ts";

export type Role = "maintainer" | "author" | "stranger";

/** `address`: proven. */
export function roleOf({ commands }: Pick<MailConfig, "commands">, address: string, author: string | undefined): Role {
  if (commands.maintainers.includes(address.toLowerCase())) return "maintainer";
  return commands.authors && author !== undefined && author.toLowerCase() === address.toLowerCase()
    ? "author"
    : "stranger";
}

export type Right =
  | { readonly allowed: true }
  /** `answer`: worth a sentence to them. */
  | { readonly allowed: false; readonly answer: boolean /** Without a full stop. */; readonly why: string };

const ALLOWED: Right = { allowed: true };

/** `command` undefined: a line that is none. */
export function mayDo(command: MailCommand | undefined, role: Role): Right {
  if (role === "maintainer") return ALLOWED;
  const isStop = command?.name === "stop" || command?.name === "start";
  // Of one's own address everybody decides.
  if (isStop && command.scope === "author") return ALLOWED;
  if (role === "stranger") return { allowed: false, answer: false, why: "neither a maintainer nor the author" };
  if (command?.name === "waive") return { allowed: false, answer: true, why: "only maintainers waive a finding" };
  if (isStop && command.scope !== "series") {
    return {
      allowed: false,
      answer: true,
      why: `only maintainers stop mail to ${command.scope === "all" ? "all lists" : "a list"}`,
    };
  }
  return ALLOWED;
}
