import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_COMMANDS } from "../../src/base/commands.ts";
import { HELP_LINES, mayCommand, readCommands } from "../../src/mail/commands.ts";

const reply = "Re: [PATCH v2 2/4] exit: simplify the fault path of waitid";
const commands = (body: string, subject = reply) =>
  readCommands({ subject, body }).map(({ command, error }) => command ?? error);

test("each command", () => {
  for (const [line, command] of [
    ["#objreview recheck", { name: "recheck" }],
    ["#objreview recheck base=v6.12 profile=arm64", { name: "recheck", base: "v6.12", profile: "arm64" }],
    ["#objreview explain f2", { name: "explain", finding: "f2" }],
    [
      "#objreview waive f2 the caller doesn't sleep",
      { name: "waive", finding: "f2", reason: "the caller doesn't sleep" },
    ],
    ["#objreview stop", { name: "stop", scope: "author" }],
    ["#objreview STOP series", { name: "stop", scope: "series" }],
    ["#objreview stop list", { name: "stop", scope: "list" }],
    ["#objreview stop all", { name: "stop", scope: "all" }],
    ["#objreview start author", { name: "start", scope: "author" }],
    ["#objreview help", { name: "help" }],
    ["#objreview", { name: "help" }],
    ["#objreview\thelp  ", { name: "help" }],
  ] as const)
    assert.deepEqual(commands(`Hi,\n\n${line}\n\nThanks\n`), [command], line);
});

test("what is wrong is answered in a sentence", () => {
  for (const [line, pattern] of [
    ["#objreview rechek", /no command rechek; known are/],
    ["#objreview approve", /no command approve/],
    ["#objreview stop me", /stop takes nothing, or one of/],
    ["#objreview stop list all", /stop takes nothing/],
    ["#objreview explain", /as in: #objreview explain f1/],
    ["#objreview waive f1", /and a reason/],
    ["#objreview recheck base=--upload-pack=sh", /no name of a branch/],
  ] as const)
    assert.match(String(commands(line)[0]), pattern, line);
});

test("the line is kept as written, with its number", () => {
  assert.deepEqual(readCommands({ subject: reply, body: "a\r\n\r\n#objreview explain f1 \r\nb" }), [
    { line: 3, text: "#objreview explain f1", command: { name: "explain", finding: "f1" } },
  ]);
});

const silent: readonly (readonly [string, string])[] = [
  ["quoted", "> #objreview recheck\n>> #objreview stop\n>#objreview help"],
  [
    "our own footer quoted",
    '> Re-check: reply with "#objreview recheck" on a line of its own.\n> No more mail of this kind: "#objreview stop".',
  ],
  ["inside a line", "please say #objreview recheck\n #objreview recheck\n\t#objreview recheck"],
  ["another word", "#objreviewer recheck\n#objreview: recheck\n#objreview-recheck"],
  ["behind the signature", "text\n-- \n#objreview recheck"],
  ["behind a signature without its blank", "text\n--\n#objreview recheck"],
  ["an unquoted former mail", "Thanks!\n\n-----Original Message-----\nFrom: x\n#objreview recheck"],
  ["a forwarded mail", "FYI\n---------- Forwarded message ---------\nFrom: x\n#objreview recheck"],
  ["Outlook's quote", "ok\n\nFrom: Dev <dev@example.org>\nSent: Monday\nTo: x\n\n#objreview recheck"],
  ["Outlook's line", `ok\n${"_".repeat(32)}\n#objreview recheck`],
  [
    "a commit message above a diff",
    "Fix it.\n\n#objreview waive f1 fine\n---\n a.c | 1 +\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-a\n+b\n",
  ],
  ["a diff without its header", "#objreview recheck\n@@ -1,2 +1,2 @@\n-a\n+b\n"],
  ["behind scissors", "Try this.\n\n-- >8 --\nSubject: x\n\n#objreview recheck\n---\ndiff --git a/a b/a\n"],
];

for (const [what, body] of silent) test(`no command: ${what}`, () => assert.deepEqual(commands(body), []));

test("a patch and a cover letter command nothing: their words may be somebody else's", () => {
  const body = "#objreview waive f1 fine";
  for (const subject of [
    "[PATCH] x",
    "[PATCH v3 0/9] x",
    "[RFC PATCH net-next 1/2] x",
    "[tip: x86] x [PATCH]",
    "[GIT PULL] x",
  ])
    assert.equal(commands(body, subject).length, /tip/.test(subject) ? 1 : 0, subject);
  assert.equal(commands(body, "Re: [PATCH] x").length, 1);
});

test("above scissors a command counts", () => {
  const body = "#objreview recheck\n\n--- 8< ---\nSubject: x\n\ndiff --git a/a b/a\n@@ -1 +1 @@\n-a\n+b\n";
  assert.deepEqual(commands(body), [{ name: "recheck" }]);
});

test("five at most, and the others are not read", () => {
  assert.equal(commands("#objreview help\n".repeat(50)).length, MAX_COMMANDS);
});

test("a mail that does not name us is passed over fast", () => {
  assert.equal(mayCommand("> #objreview recheck\nthanks\n"), false);
  assert.equal(mayCommand("hm\n#objreview recheck\n"), true);
});

test("the help names what is understood", () => {
  for (const line of HELP_LINES) assert.ok(line.length <= 76, line);
  for (const line of HELP_LINES.filter((each) => each.startsWith("  #"))) {
    assert.equal(commands(line).length, 0, "shown, not said");
    const typed = line
      .trim()
      .replace(/ {3,}.*| {2,}(?=\w+s ).*/, "")
      .replace(/\[.*\]|\.\.\./, "")
      .replace("ID", "f1")
      .replace("REASON", "because");
    assert.ok(typeof commands(typed.trim())[0] === "object", typed);
  }
});

test("hostile text costs no time", () => {
  const started = performance.now();
  for (const body of [
    "- ".repeat(200_000),
    "-".repeat(400_000),
    "8<".repeat(200_000),
    "#objreview '".repeat(20_000),
    "\n".repeat(400_000),
    `#objreview ${"a".repeat(400_000)}`,
  ])
    commands(body);
  assert.ok(performance.now() - started < 2000);
});
