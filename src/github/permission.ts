// Who may do what: pure decisions over facts that the caller has asked the API for. The association of a comment's author is no
// permission ("MEMBER" need not be able to write), so that only GET .../collaborators/{user}/permission decides.

import type { Command } from "./commands.ts";
import type { RepositoryConfig } from "./config.ts";

/** `permission` of the endpoint; maintain counts as write there, triage as read. */
export type Permission = "admin" | "write" | "read" | "none";

export interface Asker {
  readonly login: string;
  /** "User", "Bot", "Organization" as in the payload. */
  readonly type: string;
  readonly permission: Permission;
}

export interface CommandFacts {
  readonly command: Command;
  readonly asker: Asker;
  /** Login of the one who wrote the comment; an edit or a transfer makes another one the sender. */
  readonly commentAuthor: string;
  /** issue_comment "created"; an edited comment commands nothing. */
  readonly action: string;
  readonly pullRequest: {
    readonly author: string;
    readonly headSha: string;
    readonly isOpen: boolean;
    readonly isLocked: boolean;
  };
  /** The head may be built by now (mayBuild). */
  readonly buildsAllowed: boolean;
}

export type Decision =
  | { readonly allowed: true /** approve: what may be built. */; readonly sha?: string }
  | {
      readonly allowed: false;
      /** silent: not for us. reaction: a refusal without words. reply: worth a sentence. */
      readonly answer: "silent" | "reaction" | "reply";
      /** One sentence without a full stop. */
      readonly why: string;
    };

const refuse = (answer: "silent" | "reaction" | "reply", why: string): Decision => ({ allowed: false, answer, why });

export function isBot({ login, type }: Pick<Asker, "login" | "type">): boolean {
  return type !== "User" || login.toLowerCase().endsWith("[bot]");
}

function canWrite(asker: Asker): boolean {
  return asker.permission === "admin" || asker.permission === "write";
}

/** GitHub's logins differ in more than case. */
function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Whether the command is carried out. Everything that is not plainly allowed is refused. */
export function decideCommand(facts: CommandFacts): Decision {
  const { command, asker, pullRequest } = facts;
  if (isBot(asker)) return refuse("silent", "bots give no commands");
  if (facts.action !== "created") return refuse("silent", "only a new comment is a command");
  if (!isSame(asker.login, facts.commentAuthor)) return refuse("silent", "the sender did not write the comment");
  const writes = canWrite(asker);
  const owns = isSame(asker.login, pullRequest.author);
  if (pullRequest.isLocked && !writes) return refuse("silent", "the conversation is locked");
  if (!writes && !owns) return refuse("reaction", "only the author and people with write access may");
  switch (command.name) {
    case "help":
    case "explain":
      return { allowed: true };
    case "recheck":
      if (!pullRequest.isOpen) return refuse("reply", "the pull request is closed");
      if (!facts.buildsAllowed && !writes) return refuse("reply", "this head waits for an approval before it is built");
      if (!facts.buildsAllowed) return refuse("reply", "this head is not approved yet: /objreview approve");
      // Another base is another tree to build on: the repository's own people choose it.
      if (command.base !== undefined && !writes) return refuse("reply", "base= is for people with write access");
      return { allowed: true };
    case "waive":
      return writes ? { allowed: true } : refuse("reply", "only people with write access waive a finding");
    case "approve": {
      if (!writes) return refuse("reply", "only people with write access approve a build");
      if (!pullRequest.isOpen) return refuse("reply", "the pull request is closed");
      const head = pullRequest.headSha.toLowerCase();
      if (command.sha !== undefined && !head.startsWith(command.sha)) {
        return refuse("reply", "that is not the head any more: look at the new one first");
      }
      return { allowed: true, sha: head };
    }
  }
}

export interface BuildFacts {
  readonly builds: RepositoryConfig["builds"];
  readonly author: Asker;
  /** Pull requests of the author that were merged here; the caller counts them. */
  readonly mergedBefore: number;
  readonly headSha: string;
  /** Heads that somebody with write access approved. A head that came later is another one. */
  readonly approvedShas: readonly string[];
}

/** Whether the head is built by itself, or waits for /objreview approve. */
export function mayBuild({ builds, author, mergedBefore, headSha, approvedShas }: BuildFacts): boolean {
  if (approvedShas.some((sha) => sha.length >= 40 && isSame(sha, headSha))) return true;
  if (builds === "everyone" || canWrite(author)) return true;
  return builds === "contributors" && mergedBefore > 0 && !isBot(author);
}
