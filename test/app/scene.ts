// A repository with one file, pull requests with defects in it, and what a reader sees of the answers.

import type { FakeGitHub } from "../support/github/fake-github.ts";
import type { IssueComment, Pull } from "../support/github/world.ts";

export const TARGET = "github:acme/linux#1";
const LINES = Array.from({ length: 30 }, (_, i) => `line ${i}`);
export const BASE = { "lib/a.c": `${LINES.join("\n")}\n` };

export function withDefects(at: Readonly<Record<number, string>>): Record<string, string> {
  return { "lib/a.c": `${LINES.map((line, i) => (at[i] === undefined ? line : `DEFECT ${at[i]}`)).join("\n")}\n` };
}

/** What a reader sees of our comments on lines: "open first", "fixed second". */
export function comments(fake: FakeGitHub, pull: Pull): string[] {
  return fake.lineComments(pull).map(({ body }) => {
    const state = /objreview:topic 1 \S+ (\w+)/.exec(body)?.[1];
    return `${state} ${/(\w+)\(\) returns/.exec(body.replaceAll(/[`\\]/g, ""))?.[1]}`;
  });
}

export const summaries = (fake: FakeGitHub, pull: Pull) =>
  fake.conversation(pull).filter(({ user, body }) => user.type === "Bot" && body.includes("objreview:summary"));

/** Our answers to commands. */
export const replies = (fake: FakeGitHub, pull: Pull) =>
  fake.conversation(pull).filter(({ user, body }) => user.type === "Bot" && body.includes("objreview:reply"));

export function reactions(comment: IssueComment): string[] {
  return comment.reactions.map(({ content }) => content);
}
