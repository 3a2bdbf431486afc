import type { FakeGitHub } from "./fake-github.ts";
import type { Pull } from "./world.ts";

// What a person does on a page of the fake: the forms of pages.ts, each one deed.

/** Names of the forms' deeds. */
export type Deed = "comment" | "close" | "reopen" | "rerequest" | "button" | "redeliver";

/** Throws where the page has no such form. */
export async function visit(fake: FakeGitHub, pull: Pull, fields: URLSearchParams): Promise<void> {
  const login = fields.get("login") ?? pull.author.login;
  const newest = fake.checks(pull.headSha).at(-1);
  switch (fields.get("deed") as Deed) {
    case "comment": {
      const body = fields.get("body") ?? "";
      if (body.trim() !== "") await fake.comment(pull, login, body);
      return;
    }
    case "close":
      return fake.close(pull);
    case "reopen":
      return fake.reopen(pull);
    case "rerequest":
      if (newest !== undefined) await fake.rerequest(newest, login);
      return;
    case "button":
      if (newest !== undefined) await fake.click(newest, fields.get("identifier") ?? "", login);
      return;
    case "redeliver":
      await fake.redeliver(fake.lastDelivery("pull_request"));
      return;
    default:
      throw new Error("there is no such form");
  }
}
