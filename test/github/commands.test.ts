import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_COMMANDS, splitWords } from "../../src/base/commands.ts";
import { type Command, parseCommands } from "../../src/github/commands.ts";
import { type CommandFacts, decideCommand, mayBuild, type Permission } from "../../src/github/permission.ts";
import { randomSource } from "../report/random-result.ts";
import { SHA } from "./fixtures.ts";

const commands = (text: string) => parseCommands(text).map(({ command, error }) => command ?? error);

test("each command", () => {
  assert.deepEqual(commands("/objreview recheck"), [{ name: "recheck" }]);
  assert.deepEqual(commands("/objreview recheck profile=arm64-gcc base=v6.12"), [
    { name: "recheck", profile: "arm64-gcc", base: "v6.12" },
  ]);
  assert.deepEqual(commands('/objreview recheck profile="arm64-gcc"'), [{ name: "recheck", profile: "arm64-gcc" }]);
  assert.deepEqual(commands("/objreview explain f12"), [{ name: "explain", finding: "f12" }]);
  assert.deepEqual(commands("/objreview waive f1 the caller doesn't sleep"), [
    { name: "waive", finding: "f1", reason: "the caller doesn't sleep" },
  ]);
  assert.deepEqual(commands('/objreview waive f1 "a  b" c'), [{ name: "waive", finding: "f1", reason: "a  b c" }]);
  assert.deepEqual(commands("/objreview approve"), [{ name: "approve" }]);
  assert.deepEqual(commands("/objreview approve 0123456789AB"), [{ name: "approve", sha: "0123456789ab" }]);
  assert.deepEqual(commands("/objreview\n/objreview HELP"), [{ name: "help" }, { name: "help" }]);
});

test("only at the start of a line, outside of code, quotes and hidden text", () => {
  const text = [
    "please /objreview recheck",
    " /objreview recheck",
    "/objreviewer recheck",
    "`/objreview recheck`",
    "> /objreview recheck",
    "/objreview recheck", // still the quote's paragraph
    "",
    "```",
    "/objreview recheck",
    "~~~",
    "/objreview recheck",
    "```",
    "~~~~ sh",
    "/objreview recheck",
    "~~~",
    "/objreview recheck",
    "~~~~",
    "<!--",
    "/objreview recheck",
    "-->",
    "    /objreview recheck",
    "/objreview explain f1",
    "text ```not a fence```",
    "/objreview help",
  ].join("\n");
  assert.deepEqual(commands(text), [{ name: "explain", finding: "f1" }, { name: "help" }]);
  assert.deepEqual(commands("```\n/objreview recheck"), [], "a fence that is never closed");
  assert.deepEqual(commands("a\r\n/objreview recheck\r\nb"), [{ name: "recheck" }]);
  assert.deepEqual(
    parseCommands("a\n\n/objreview help").map(({ line }) => line),
    [3],
  );
});

test("what is wrong is answered in a sentence", () => {
  for (const [text, pattern] of [
    ["/objreview rechek", /no command rechek; known are/],
    ["/objreview explain", /explain takes the id/],
    ["/objreview explain ../../etc", /explain takes the id/],
    ["/objreview waive f1", /and a reason/],
    ['/objreview waive f1 "open', /quote is not closed/],
    ["/objreview recheck base=../x", /no name of a branch/],
    ["/objreview recheck base=--upload-pack=sh", /no name of a branch/],
    ["/objreview recheck profile=", /no name of a profile/],
    ["/objreview recheck base=a base=b", /said twice/],
    ["/objreview recheck now", /not now/],
    ["/objreview approve me", /approve takes/],
  ] as const) {
    assert.match(String(commands(text)[0]), pattern, text);
  }
  assert.equal(parseCommands("/objreview help\n".repeat(20)).length, MAX_COMMANDS);
});

test("words and quotes", () => {
  assert.deepEqual(splitWords(`a "b c" 'd "e' f=" g\\"h " isn't`), ["a", "b c", 'd "e', 'f= g"h ', "isn't"]);
  assert.deepEqual(splitWords('""'), [""]);
  assert.equal(splitWords("'open"), undefined);
});

test("no comment makes the parser throw, hang, or give a name that is an option or a path", () => {
  const random = randomSource(8);
  const parts = [
    "/objreview",
    " recheck",
    " base=",
    " profile=",
    "\n",
    "`",
    "```",
    "~~~",
    ">",
    '"',
    "'",
    "\\",
    " ",
    "..",
    "-x",
    "a",
    "<!--",
    "-->",
    "\t",
    "\u202e",
  ];
  for (let round = 0; round < 3000; round++) {
    let text = "";
    for (let n = Math.floor(random() * 14); n > 0; n--) text += parts[Math.floor(random() * parts.length)];
    for (const { command } of parseCommands(text)) {
      if (command?.name !== "recheck") continue;
      for (const value of [command.base, command.profile])
        assert.ok(value === undefined || /^[A-Za-z0-9](?!.*\.\.)/.test(value), text);
    }
  }
  const started = performance.now();
  parseCommands("/objreview ".repeat(100_000));
  parseCommands("`".repeat(100_000));
  assert.ok(performance.now() - started < 1000);
});

function facts(
  more: { permission?: Permission; login?: string; type?: string; command?: Command } & Partial<
    Omit<CommandFacts, "command">
  >,
): CommandFacts {
  const { permission = "read", login = "stranger", type = "User", command = { name: "recheck" }, ...rest } = more;
  return {
    command,
    asker: { login, type, permission },
    commentAuthor: login,
    action: "created",
    pullRequest: { author: "dev", headSha: SHA, isOpen: true, isLocked: false },
    buildsAllowed: true,
    ...rest,
  };
}

test("who may give which command", () => {
  const all: Command[] = [
    { name: "help" },
    { name: "explain", finding: "f1" },
    { name: "recheck" },
    { name: "recheck", base: "v6.12" },
    { name: "waive", finding: "f1", reason: "x" },
    { name: "approve" },
  ];
  const table = (who: Parameters<typeof facts>[0]) =>
    all.map((command) => Number(decideCommand(facts({ ...who, command })).allowed)).join("");
  assert.equal(table({}), "000000", "a stranger");
  assert.equal(table({ permission: "none" }), "000000");
  assert.equal(table({ login: "Dev" }), "111000", "the author");
  assert.equal(table({ permission: "write" }), "111111");
  assert.equal(table({ permission: "admin" }), "111111");
  assert.equal(table({ permission: "admin", type: "Bot" }), "000000");
  assert.equal(table({ permission: "admin", login: "dependabot[bot]" }), "000000");
  assert.equal(table({ permission: "admin", action: "edited" }), "000000");
  assert.equal(table({ permission: "admin", commentAuthor: "dev" }), "000000", "somebody else's comment");
  assert.equal(table({ login: "dev", buildsAllowed: false }), "110000", "not approved");
  assert.equal(table({ permission: "write", buildsAllowed: false }), "110011");
  const pullRequest = facts({}).pullRequest;
  assert.equal(table({ login: "dev", pullRequest: { ...pullRequest, isLocked: true } }), "000000");
  assert.equal(table({ permission: "write", pullRequest: { ...pullRequest, isLocked: true } }), "111111");
  assert.equal(table({ permission: "write", pullRequest: { ...pullRequest, isOpen: false } }), "110010", "closed");
});

test("a stranger's refusal makes no comment", () => {
  const decision = decideCommand(facts({}));
  assert.deepEqual(decision, {
    allowed: false,
    answer: "reaction",
    why: "only the author and people with write access may",
  });
});

test("an approval is of the head that was looked at", () => {
  const ask = (sha: string | undefined) =>
    decideCommand(
      facts({ permission: "write", command: sha === undefined ? { name: "approve" } : { name: "approve", sha } }),
    );
  assert.deepEqual(ask(undefined), { allowed: true, sha: SHA });
  assert.deepEqual(ask(SHA.slice(0, 12)), { allowed: true, sha: SHA });
  assert.equal(ask("f".repeat(12)).allowed, false);
});

test("whose builds start by themselves, and that no approval survives a push", () => {
  const author = (permission: Permission, type = "User") => ({ login: "dev", type, permission });
  const base = { author: author("read"), mergedBefore: 0, headSha: SHA, approvedShas: [] };
  assert.ok(mayBuild({ ...base, builds: "everyone" }));
  assert.ok(!mayBuild({ ...base, builds: "contributors" }));
  assert.ok(mayBuild({ ...base, builds: "contributors", mergedBefore: 1 }));
  assert.ok(!mayBuild({ ...base, builds: "writers", mergedBefore: 1 }));
  assert.ok(mayBuild({ ...base, builds: "writers", author: author("write") }));
  assert.ok(mayBuild({ ...base, builds: "writers", approvedShas: [SHA] }));
  assert.ok(!mayBuild({ ...base, builds: "writers", approvedShas: [SHA], headSha: "f".repeat(40) }), "pushed since");
  assert.ok(!mayBuild({ ...base, builds: "writers", approvedShas: [SHA.slice(0, 12), ""] }), "a whole id or nothing");
});
