import assert from "node:assert/strict";
import { test } from "node:test";
import { type AutomaticKind, automaticKind, isAutomatic, OWN_HEADER } from "../../src/mail/automatic.ts";
import { addressesIn, decodeWords, readHeaders } from "../../src/mail/headers.ts";

const own = { address: "bot@objreview.example.org", domain: "objreview.example.org" };

function headersOf(lines: readonly string[]) {
  const usual = ["From: A Developer <dev@example.org>", "Subject: Re: [PATCH 1/2] x", "Message-ID: <1@example.org>"];
  const named = new Set(lines.map((line) => line.split(":")[0]));
  return readHeaders(
    Buffer.from([...usual.filter((line) => !named.has(line.split(":")[0])), ...lines, "", "text"].join("\r\n")),
  );
}

const automatic: readonly [AutomaticKind, string][] = [
  ["own", `${OWN_HEADER}: 1`],
  ["own", "From: objreview <BOT@objreview.example.org>"],
  ["own", "Sender: bot@objreview.example.org"],
  ["own", "Message-ID: <r.5f3c1e.v2@objreview.example.org>"],
  ["bounce", 'Content-Type: multipart/report; report-type=delivery-status; boundary="a"'],
  ["bounce", "Content-Type: multipart/report;\r\n report-type=disposition-notification"],
  ["bounce", "Return-Path: <>"],
  ["bounce", "X-Failed-Recipients: dev@example.org"],
  ["bounce", "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.org>"],
  ["bounce", "Subject: Undelivered Mail Returned to Sender"],
  ["bounce", "Subject: Delivery Status Notification (Failure)"],
  ["vacation", "X-Autoreply: yes"],
  ["vacation", "X-Auto-Response-Suppress: DR, OOF, AutoReply"],
  ["vacation", "X-Auto-Response-Suppress: All"],
  ["vacation", "Subject: Automatic reply: [PATCH 1/2] x"],
  ["vacation", "Subject: Out of Office Re: [PATCH 1/2] x"],
  ["vacation", "Subject: Re: Out of the office: x"],
  ["vacation", "Subject: =?utf-8?Q?R=C3=A9ponse_automatique_=3A_x?="],
  ["vacation", "Subject: =?UTF-8?B?6Ieq5Yqo5Zue5aSNOiBbUEFUQ0hdIHg=?="],
  ["vacation", "Subject: Abwesenheitsnotiz: x"],
  ["robot", "From: kernel test robot <lkp@intel.com>"],
  ["robot", "From: syzbot <syzbot+0123456789abcdef@syzkaller.appspotmail.com>"],
  ["robot", "From: patchwork-bot+netdevbpf@kernel.org"],
  ["robot", 'From: "tip-bot2 for Jane Doe" <tip-bot2@linutronix.de>'],
  ["robot", "From: KernelCI bot <bot@kernelci.org>"],
  ["robot", "From: bot+bpf-ci@kernel.org"],
  ["robot", "From: sashiko-bot@kernel.org"],
  ["robot", "From: bugzilla-daemon@kernel.org"],
  ["robot", "From: pr-tracker-bot@kernel.org"],
  ["robot", "From: noreply@example.org"],
  ["automatic", "Auto-Submitted: auto-replied"],
  ["automatic", "Auto-Submitted: auto-generated (rejected)"],
  ["automatic", 'auto-submitted: AUTO-REPLIED; owner-email="a@example.org"'],
  ["automatic", "Auto-Submitted: nonsense"],
  ["automatic", "Precedence: junk"],
  ["automatic", "Precedence: auto_reply"],
  ["bulk", "Precedence: bulk"],
];

for (const [kind, line] of automatic) {
  test(`${kind}: ${line.replaceAll(/\s+/g, " ")}`, () => {
    assert.equal(automaticKind(headersOf([line]), own)?.kind, kind);
    assert.ok((isAutomatic(headersOf([line]), own) ?? "").length > 3);
  });
}

const written: readonly string[][] = [
  [],
  ["Auto-Submitted: no"],
  ["Auto-Submitted: No (a person)"],
  ["Precedence: bulk", "List-Id: <linux-test.vger.kernel.org>"],
  ["Precedence: list", "List-Id: <linux-test.vger.kernel.org>"],
  ["Precedence: list"],
  ["Return-Path: <dev@example.org>"],
  ["Content-Type: multipart/mixed; boundary=a"],
  ["From: Abbot Robottom <abbot.robottom@example.org>"],
  ["From: Eve Daemons <daemons@example.org>"],
  ['From: "lkp@intel.com" <dev@example.org>'],
  ["Subject: [PATCH] vacation: automatic reply: out of office"],
  ["Subject: Re: [PATCH 3/3] mm: delivery status notification"],
  ["Subject: Ooops in waitid"],
  ["X-Auto-Response-Suppress: None"],
  ["X-Mailer: git-send-email 2.47.0"],
  ["X-Mailing-List: linux-kernel@vger.kernel.org", "Precedence: bulk", "List-Id: <linux-kernel.vger.kernel.org>"],
];

for (const lines of written) {
  test(`a person: ${lines.join(" | ") || "nothing said"}`, () =>
    assert.equal(isAutomatic(headersOf(lines), own), undefined));
}

test("a list does not hide what its mail says itself", () => {
  const lines = ["Precedence: bulk", "List-Id: <a.example.org>", "Auto-Submitted: auto-replied"];
  assert.equal(automaticKind(headersOf(lines), own)?.kind, "automatic");
});

test("where the domain is shared only Message-IDs of our form are ours", () => {
  const shared = { address: "bot@example.org" };
  assert.equal(isAutomatic(headersOf(["Message-ID: <20261102.abc@example.org>"]), shared), undefined);
  const ours = `Message-ID: <r.${"0a".repeat(14)}.v2@example.org>`;
  assert.equal(automaticKind(headersOf([ours]), shared)?.kind, "own");
});

test("fields are read as they stand", () => {
  const headers = readHeaders(
    Buffer.from(
      "From x@y Mon Nov  2 10:00:00 2026\nA: 1\nFROM: a\n  <b@c>\nFrom : d@e\nno field\n folded into nothing\nSubject:\n x\n\nA: body\n",
    ),
  );
  assert.deepEqual(
    [...headers],
    [
      ["a", ["1"]],
      ["from", ["a <b@c>", "d@e"]],
      ["subject", ["x"]],
    ],
  );
  assert.deepEqual(addressesIn('"x@y.z" <A@B.c>, d@e.f (g@h)'), ["a@b.c", "d@e.f", "g@h"]);
  assert.equal(decodeWords("=?utf-8?q?a=C3=A4_?= =?iso-8859-1?B?5A==?= b =?x?y?="), "aä ä b =?x?y?=");
});

test("hostile headers cost no time", () => {
  const started = performance.now();
  for (const bytes of [
    `Subject: ${"=?a?b?".repeat(300_000)}`,
    `A:${"\n ".repeat(300_000)}`,
    `From: ${"a@".repeat(300_000)}`,
    "a:\n".repeat(300_000),
    `Subject: ${"re: ".repeat(200_000)}`,
    '"'.repeat(300_000),
  ])
    isAutomatic(readHeaders(Buffer.from(bytes)), own);
  assert.ok(performance.now() - started < 3000);
});
