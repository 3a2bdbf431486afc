import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanMessageId, messageIdOf } from "../../../src/mail/sources/message-id.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const HASHED = /^sha256\.[0-9a-f]{64}@no-message-id$/;

for (const end of ["\n", "\r\n"]) {
  const lines = (...text: string[]): Uint8Array => bytes(text.join(end));
  test(`the Message-ID of a mail with ${end === "\n" ? "LF" : "CRLF"}`, () => {
    const cases: [string[], string][] = [
      [["From: a@b", "Message-ID: <1@x>", "", "body"], "1@x"],
      [["message-id:<1@x>", "", ""], "1@x"],
      [["MESSAGE-ID:   <1@x>  (comment)", "", ""], "1@x"],
      [["Message-ID: 1@x", "", ""], "1@x"],
      [["Message-ID:", " <1@x>", "Subject: s", "", ""], "1@x"],
      [["Message-ID: <long", "\t.id@x>", "Subject: s", "", ""], "long.id@x"],
      [["Message-ID: <first@x>", "Message-ID: <second@x>", "", ""], "first@x"],
      // The first that is one.
      [["Message-ID: ", "Message-ID: <second@x>", "", ""], "second@x"],
      [["X-Message-ID: <no@x>", "Message-ID: <yes@x>", "", ""], "yes@x"],
      [["Message-ID: <1@x>"], "1@x"],
    ];
    for (const [mail, id] of cases) assert.equal(messageIdOf(lines(...mail)), id, mail.join("|"));
  });

  test(`a mail without a usable one is called after its bytes, ${end === "\n" ? "LF" : "CRLF"}`, () => {
    const cases = [
      ["From: a@b", "", "Message-ID: <in-the-body@x>", ""],
      ["", "Message-ID: <behind-an-empty-line@x>", ""],
      ["Message-ID: <>", "", ""],
      ["Message-ID: <a\0b@x>", "", ""],
      ["Message-ID: <a\u0007b@x>", "", ""],
      ["Message-ID: <\u00fc@x>", "", ""],
      [`Message-ID: <${"x".repeat(300)}@x>`, "", ""],
      [`Message-ID: <${"x".repeat(300_000)}@x>`, "", ""],
    ].map((mail) => messageIdOf(lines(...mail)));
    for (const id of cases) assert.match(id, HASHED);
    assert.equal(new Set(cases).size, cases.length);
    assert.equal(messageIdOf(lines("From: a@b", "", "x")), messageIdOf(lines("From: a@b", "", "x")));
  });
}

test("a header of a million bytes, or no end of fields, costs milliseconds", () => {
  const mails = [
    bytes(`X: ${"a".repeat(4_000_000)}\nMessage-ID: <late@x>\n\nbody`),
    bytes(`${"X: y\n".repeat(800_000)}Message-ID: <late@x>\n\nbody`),
    bytes(`${"Message-ID: <\n".repeat(300_000)}Message-ID: <late@x>\n\nbody`),
  ];
  for (const mail of mails) {
    const began = performance.now();
    assert.equal(messageIdOf(mail), "late@x");
    assert.ok(performance.now() - began < 3000, `${performance.now() - began} ms`);
  }
  assert.match(messageIdOf(new Uint8Array(16 << 20)), HASHED);
  assert.match(messageIdOf(new Uint8Array(0)), HASHED);
});

test("what stands in a field", () => {
  assert.equal(cleanMessageId(" <a@b> "), "a@b");
  assert.equal(cleanMessageId("<a@b> <c@d>"), "a@b");
  assert.equal(cleanMessageId("<a @ b>"), "a@b");
  assert.equal(cleanMessageId("<../../etc/passwd>"), "../../etc/passwd");
  assert.equal(cleanMessageId(" "), undefined);
});
