// What the post job reads of another job's: the zip, and review.json in it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptReview, MAX_REVIEW_BYTES } from "../../src/action/accept-review.ts";
import { readZipEntry } from "../../src/action/zip.ts";
import { FormatError } from "../../src/base/errors.ts";
import { renderJson } from "../../src/report/json.ts";
import { RESULT_VERSION } from "../../src/report/result.ts";
import { FIXTURES, twoFindingsResult } from "../report/fixtures.ts";
import { makeZip, reviewZip } from "./zips.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const refused = (make: () => unknown, words: RegExp): void => {
  assert.throws(make, (error: unknown) => {
    assert.ok(error instanceof FormatError, String(error));
    assert.match(error.message, words);
    assert.ok(error.message.length < 500, `a message of ${error.message.length} characters`);
    assert.doesNotMatch(error.message, /[\u0000-\u001f\u007f-\u009f\u202e]/);
    return true;
  });
};

test("a file comes out of a zip as it went in, packed and stored, with a comment behind", () => {
  const bytes = bytesOf("{}".repeat(5000));
  const inside = { name: "review.json", bytes };
  const other = { name: "x/review.json", bytes: bytesOf("other") };
  for (const zip of [makeZip([inside]), makeZip([other, { ...inside, isStored: true }], "PK\x05\x06 a comment")])
    assert.deepEqual(readZipEntry(zip, "review.json", 100_000), bytes);
});

test("a zip that lies is refused: sizes, bombs, doubles, damage, cuts", () => {
  const bytes = bytesOf("a".repeat(50_000));
  const file = { name: "review.json", bytes };
  const read = (zip: Uint8Array) => () => readZipEntry(zip, "review.json", 60_000);
  refused(read(bytesOf("not a zip")), /no zip/);
  refused(read(new Uint8Array()), /no zip/);
  refused(read(makeZip([{ ...file, name: "../review.json" }])), /holds no review\.json/);
  refused(read(makeZip([file, file])), /twice/);
  refused(read(makeZip([{ ...file, isEncrypted: true }])), /encrypted/);
  refused(read(makeZip([{ ...file, bytes: bytesOf("a".repeat(60_001)) }])), /at most 60000/);
  // A gigabyte in a megabyte that says of itself that it is small.
  refused(read(makeZip([{ ...file, bytes: new Uint8Array(64 << 20), claimedSize: 10 }])), /more than 60000/);
  refused(read(makeZip([{ ...file, claimedSize: 10 }])), /damaged/);
  refused(read(makeZip(Array.from({ length: 200 }, (_, n) => ({ ...file, name: `${n}` })))), /200 files/);
  const whole = makeZip([file]);
  let tried = 0;
  for (let at = 0; at < whole.length; at++) {
    const broken = whole.slice();
    broken[at] = broken[at]! ^ 0xff;
    for (const zip of [broken, whole.subarray(0, at), whole.subarray(at)]) {
      try {
        assert.deepEqual(readZipEntry(zip, "review.json", 60_000), bytes);
      } catch (error) {
        assert.ok(error instanceof FormatError, `at ${at}: ${error}`);
        tried++;
      }
    }
  }
  assert.ok(tried > whole.length, `${tried} of ${3 * whole.length} were refused`);
});

test("every result that objreview writes is taken, and is the same", () => {
  for (const [name, make] of FIXTURES) {
    const result = make();
    assert.deepEqual(acceptReview(bytesOf(renderJson(result))), JSON.parse(renderJson(result)), name);
  }
});

test("anything but a finished result of bounded size is refused, with a message that can be shown", () => {
  const good = twoFindingsResult();
  const text = (change: object): Uint8Array => bytesOf(JSON.stringify({ ...good, ...change }));
  const [finding] = good.findings;
  refused(() => acceptReview(new Uint8Array(MAX_REVIEW_BYTES + 1)), /bytes, at most/);
  refused(() => acceptReview(new Uint8Array([0xff, 0xfe])), /not UTF-8/);
  refused(() => acceptReview(bytesOf("<html>")), /not JSON/);
  refused(() => acceptReview(bytesOf("")), /not JSON/);
  refused(() => acceptReview(bytesOf("null")), /\(top\)/);
  refused(() => acceptReview(bytesOf("[".repeat(2_000_000))), /not JSON/);
  refused(() => acceptReview(bytesOf("[".repeat(400_000) + "]".repeat(400_000))), /more than \d+ values/);
  refused(() => acceptReview(text({ version: "2.0" })), /version/);
  refused(() => acceptReview(text({ version: RESULT_VERSION, verdict: "building" })), /did not end/);
  refused(() => acceptReview(text({ verdict: "excellent" })), /verdict/);
  refused(() => acceptReview(text({ reason: "a".repeat(5_000_000) })), /a text of 5000000 characters/);
  refused(() => acceptReview(text({ findings: [{ ...finding, message: "b".repeat(70_000) }] })), /70000/);
  refused(() => acceptReview(text({ findings: [{ ...finding, line: -1 }] })), /findings\.0\.line/);
  refused(() => acceptReview(text({ findings: Array(30_000).fill(1) })), /a list of 30000/);
  refused(() => acceptReview(text({ findings: Array(19_000).fill(Array(19).fill(1)) })), /more than \d+ values/);
  refused(() => acceptReview(text({ pull_request: 1 })), /pull_request/);
  refused(() => acceptReview(text({ ["\u001b[2J\n::error::\u202e".repeat(3000)]: 1 })), /review\.json/);
  refused(() => acceptReview(text({ __proto__: { a: 1 }, constructor: 1 })), /constructor/);
});

test("what is refused is refused quickly", () => {
  const began = performance.now();
  const many = `{"findings":[${"1,".repeat(3_000_000)}1]}`;
  assert.throws(() => acceptReview(bytesOf(many)), FormatError);
  assert.throws(() => readZipEntry(reviewZip(many), "review.json", 1000), FormatError);
  assert.ok(performance.now() - began < 5000);
});
