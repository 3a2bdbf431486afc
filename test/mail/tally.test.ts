import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeftOver } from "../../src/mail/assembled.ts";
import { Tally } from "../../src/mail/tally.ts";

const left = (messageId: string, reason: string): LeftOver => ({ messageId, kind: "noise", reason, hasPatch: false });

test("what was read, what became of it, and what was not", () => {
  const tally = new Tally();
  assert.equal(tally.words(), "nothing read");
  tally.read("mbox:a");
  tally.took(["1", "2", "3", "4", "5", "6", "7", "8", "9"], 7);
  tally.passedOver();
  tally.planned(
    [
      { identity: "1", state: "waiting" },
      { identity: "2", state: "ordered" },
    ],
    [left("4", "a reply"), left("old", "a reply")],
  );
  tally.planned([{ identity: "1", state: "ordered" }], [left("4", "a reply"), left("5", "a reply")]);
  tally.planned(
    [{ identity: "3", state: "late" }],
    ["p", "q", "r", "s"].map((each, i) => left(`${6 + i}`, each)),
  );
  tally.notRead("imap:b");
  assert.equal(
    tally.words(),
    "9 mails read, 2 known already; 1 mail passed over, named above; 3 series (ordered: 2, late: 1); " +
      "6 mails in none (a reply: 2, p: 1, q: 1, r: 1, others: 1); not read: imap:b",
  );
  assert.equal(tally.isWhole, false);
});
