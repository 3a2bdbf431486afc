import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { schemaText } from "../../scripts/generate-schema.ts";
import { FormatError, InvariantError } from "../../src/base/errors.ts";
import { parseReviewJson, renderJson } from "../../src/report/json.ts";
import { exampleResult, FIXTURES } from "./fixtures.ts";

test("the schema in the repo is the generated one", () => {
  const file = readFileSync(new URL("../../schema/review.schema.json", import.meta.url), "utf8");
  assert.equal(file, schemaText(), "run: node scripts/generate-schema.ts");
});

test("every fixture is valid by the published schema, as an independent validator reads it", () => {
  const validate = new Ajv2020({ strict: true }).compile(JSON.parse(schemaText()));
  for (const [name, build] of FIXTURES) {
    assert.ok(validate(JSON.parse(renderJson(build()))), `${name}: ${JSON.stringify(validate.errors)}`);
  }
  assert.ok(!validate({ ...exampleResult(), verdict: "great" }));
  assert.ok(!validate({ ...exampleResult(), extra: 1 }));
});

test("writing and reading keeps everything, and is canonical", () => {
  for (const [name, build] of FIXTURES) {
    const text = renderJson(build());
    assert.deepEqual(parseReviewJson(text), JSON.parse(JSON.stringify(build())), name);
    assert.equal(renderJson(parseReviewJson(text)), text, name);
  }
  const result = exampleResult();
  const reversed = Object.fromEntries(Object.entries(result).reverse()) as typeof result;
  assert.equal(renderJson(reversed), renderJson(result));
});

test("what is not of the schema is refused, and says where", () => {
  const bad = exampleResult();
  bad.findings[0]!.line = -1;
  assert.throws(
    () => renderJson(bad),
    (error) => error instanceof InvariantError && /findings\.0\.line/.test(error.message),
  );
  assert.throws(() => parseReviewJson("{"), FormatError);
  assert.throws(
    () => parseReviewJson("{}"),
    (error) => error instanceof FormatError && /version/.test(error.message),
  );
});
