import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { renderDigest } from "../../src/report/digest.ts";
import { renderHtml } from "../../src/report/html.ts";
import { parseReviewJson, renderJson } from "../../src/report/json.ts";
import { renderMail } from "../../src/report/mail.ts";
import { renderSarif } from "../../src/report/sarif.ts";
import { renderText } from "../../src/report/text.ts";
import { randomResult, randomSource } from "./random-result.ts";

const ROUNDS = 300;
// biome-ignore format: one class of characters
const UNSAFE = /[\u0000-\u0008\u000b-\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

test(`no renderer throws on any result of the schema, and none lets a control character through (${ROUNDS} random ones)`, async () => {
  const sarifSchema = JSON.parse(readFileSync(new URL("../fixtures/sarif-2.1.0.json", import.meta.url), "utf8"));
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  const isSarif = ajv.compile(sarifSchema);
  const random = randomSource(20261102);
  const verdicts = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const result = randomResult(random);
    verdicts.add(result.verdict);
    const where = `round ${round}`;
    const digest = renderDigest(result, { maxDetailed: 100 });
    const mail = renderMail(result, {
      from: { address: "bot@example.org" },
      to: [{ address: "dev@example.org", name: result.series.author }],
      date: new Date(0),
      domain: "example.org",
    });
    const page = renderHtml(result);
    const texts = { digest, text: renderText(result), mail: mail.replaceAll("\r\n", "\n"), page };
    for (const [name, text] of Object.entries(texts)) {
      assert.doesNotMatch(text, UNSAFE, `${where}: ${name}`);
      assert.doesNotMatch(text, /\r/, `${where}: ${name}`);
      assert.ok(text.isWellFormed(), `${where}: ${name}`);
      assert.ok(!/undefined|NaN|\[object/.test(text), `${where}: ${name}`);
    }
    assert.match(digest, /^objreview: \S.*/, where);
    assert.equal(
      texts.mail
        .split("\n\n")[0]!
        .split("\n")
        .filter((line) => /^(bcc|#objreview)/i.test(line)).length,
      0,
      where,
    );
    assert.equal((page.match(/<(script|img|a href="(?!#finding-))/g) ?? []).length, 0, where);
    assert.equal((page.match(/<h1>/g) ?? []).length, 1, where);
    const sarif: unknown = JSON.parse(renderSarif(result, { ruleInfo: new Map() }));
    assert.ok(isSarif(sarif), `${where}: ${JSON.stringify(isSarif.errors?.slice(0, 3))}`);
    assert.deepEqual(parseReviewJson(renderJson(result)), JSON.parse(JSON.stringify(result)), where);
  }
  assert.ok(verdicts.size >= 12, "the generator reaches the verdicts");
});
