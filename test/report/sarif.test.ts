import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { Log, Run } from "sarif";
import { artifactUri, type RuleInfo, renderSarif } from "../../src/report/sarif.ts";
import {
  brokenResult,
  exampleResult,
  FIXTURES,
  hostileResult,
  manyResult,
  noLinesResult,
  twoFindingsResult,
} from "./fixtures.ts";

const schema = JSON.parse(readFileSync(new URL("../fixtures/sarif-2.1.0.json", import.meta.url), "utf8"));
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(schema);

const ruleInfo = new Map<string, RuleInfo>([
  [
    "uaccess-return-open",
    {
      summary: "A function returns while user access is open.",
      help: "# uaccess-return-open\n\nSee there.",
      severity: "error",
    },
  ],
]);

function runOf(text: string): Run {
  return (JSON.parse(text) as Log).runs[0]!;
}

for (const [name, build] of FIXTURES) {
  test(`SARIF of "${name}" is valid by the standard's schema`, () => {
    const log: unknown = JSON.parse(
      renderSarif(build(), {
        ruleInfo,
        informationUri: "https://objreview.example.org/",
        repositoryUri: "https://git.example.org/linux",
      }),
    );
    assert.ok(validate(log), JSON.stringify(validate.errors?.slice(0, 3)));
  });
}

test("the schema used here refuses what is wrong", () => {
  const log = JSON.parse(renderSarif(exampleResult(), { ruleInfo })) as Log;
  log.runs[0]!.results![0]!.locations![0]!.physicalLocation!.region!.startLine = 0;
  assert.ok(!validate(log));
  assert.ok(!validate({ version: "9", runs: [] }));
});

test("a finding: rule, place, way, fingerprint, state against the base", () => {
  const run = runOf(renderSarif(twoFindingsResult(), { ruleInfo }));
  const [first, second] = run.results!;
  assert.equal(first!.ruleId, "uaccess-return-open");
  assert.equal(run.tool.driver.rules![first!.ruleIndex!]!.id, "uaccess-return-open");
  assert.equal(
    run.tool.driver.rules![first!.ruleIndex!]!.shortDescription!.text,
    "A function returns while user access is open.",
  );
  assert.equal(run.tool.driver.rules![first!.ruleIndex!]!.defaultConfiguration!.level, "error");
  assert.equal(first!.level, "error");
  assert.deepEqual(first!.locations![0]!.physicalLocation, {
    artifactLocation: { uri: "fs/peek.c", uriBaseId: "SRCROOT" },
    region: { startLine: 220 },
  });
  const steps = first!.codeFlows![0]!.threadFlows[0]!.locations;
  assert.deepEqual(
    steps.map((step) => step.location!.physicalLocation!.region!.startLine),
    [208, 211, 220, 220, 220],
  );
  assert.equal(steps[0]!.state!.frame!.text, "AC=1");
  assert.deepEqual(first!.partialFingerprints, { "objreviewFingerprint/v1": "0f3a5c77e1b2d4960f3a5c77e1b2" });
  assert.equal(first!.baselineState, "new");
  assert.equal(second!.codeFlows!.length, 2);
  assert.match(second!.message.text!, /broken in 3\/4, repaired in 4\/4/);
  assert.equal(second!.relatedLocations![0]!.physicalLocation!.region!.startLine, 77);
});

test("classes become baseline states, speaking findings first", () => {
  const result = manyResult();
  const run = runOf(renderSarif(result, { ruleInfo }));
  const states = run.results!.map((entry) => entry.baselineState!);
  assert.equal(states.length, result.findings.length);
  const count = (state: string) => states.filter((entry) => entry === state).length;
  assert.deepEqual([count("new"), count("updated"), count("unchanged"), count("absent")], [15, 5, 5, 5]);
  assert.ok(states.slice(0, 20).every((state) => state === "new" || state === "updated"));
});

test("what was not analysed, and a build that broke, are told as notifications", () => {
  const notes = runOf(renderSarif(exampleResult(), { ruleInfo })).invocations![0]!.toolExecutionNotifications!;
  assert.deepEqual(
    notes.map((note) => note.descriptor!.id),
    ["coverage/object-not-built", "coverage/unresolved-jump"],
  );
  const broken = runOf(renderSarif(brokenResult(), { ruleInfo })).invocations![0]!;
  assert.equal(broken.toolExecutionNotifications![0]!.level, "error");
  assert.equal(
    broken.toolExecutionNotifications![0]!.locations![0]!.physicalLocation!.artifactLocation!.uri,
    "fs/peek.c",
  );
  assert.equal(
    runOf(renderSarif(FIXTURES.get("inconclusive")!(), { ruleInfo })).invocations![0]!.executionSuccessful,
    false,
  );
});

test("addresses are there only where they were given", () => {
  const plain = renderSarif(exampleResult(), { ruleInfo });
  assert.equal(runOf(plain).versionControlProvenance, undefined);
  assert.deepEqual(
    [...plain.matchAll(/https?:\/\/[^"]*/g)].map(([url]) => url),
    ["https://json.schemastore.org/sarif-2.1.0.json"],
  );
  const full = runOf(renderSarif(exampleResult(), { ruleInfo, repositoryUri: "https://git.example.org/linux" }));
  assert.equal(full.versionControlProvenance![0]!.revisionId, exampleResult().base.commit);
});

test("hostile text gives no link, no placeholder, no address", () => {
  const run = runOf(renderSarif(hostileResult(), { ruleInfo }));
  const messages = JSON.stringify(run, (key, value: unknown) => (key === "uri" ? undefined : value));
  assert.doesNotMatch(messages, /[^\\]\]\(https/);
  for (const entry of run.results!) assert.doesNotMatch(entry.message.text!, /(^|[^{])\{\d\}/);
  for (const [, uri] of renderSarif(hostileResult(), { ruleInfo }).matchAll(/"uri": "([^"]*)"/g)) {
    assert.doesNotMatch(uri!, /^[a-z]+:|[<>\s]/i);
  }
  assert.deepEqual(artifactUri("a b/ü.c"), { uri: "a%20b/%C3%BC.c", uriBaseId: "SRCROOT" });
  assert.deepEqual(artifactUri("javascript:alert(1)"), { uri: "javascript%3Aalert(1)", uriBaseId: "SRCROOT" });
  assert.deepEqual(artifactUri("//evil.example/x"), { uri: "file:///evil.example/x" });
});

test("without line tables there is no place, and still a result", () => {
  const entry = runOf(renderSarif(noLinesResult(), { ruleInfo })).results![0]!;
  assert.equal(entry.locations![0]!.physicalLocation, undefined);
  assert.equal(entry.locations![0]!.logicalLocations![0]!.fullyQualifiedName, "__do_sys_peek");
});
