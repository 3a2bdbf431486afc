import assert from "node:assert/strict";
import { test } from "node:test";
import { findTopic, reaches, topicsOf } from "../../src/github/topics.ts";
import type { ReviewFinding, ReviewResult } from "../../src/report/result.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { cleanResult } from "../report/fixtures.ts";
import { randomResult, randomSource } from "../report/random-result.ts";
import { planFor } from "./fixtures.ts";

const resultOf = (...findings: ReviewFinding[]): ReviewResult => ({ ...cleanResult(), verdict: "findings", findings });
const keys = (result: ReviewResult) => topicsOf(result).map(({ key }) => key);

test("one place seen in several objects is one topic, and says so", () => {
  const result = resultOf(
    peekFinding,
    { ...peekFinding, id: "f2", object: "fs/b.o" },
    { ...peekFinding, id: "f3", object: "fs/c.o" },
  );
  const topics = topicsOf(result);
  assert.equal(topics.length, 1);
  assert.equal(topics[0]!.others.length, 2);
  assert.match(planFor(result).review!.comments[0]!.body, /The same in `fs\/[bc]\.o` and `fs\/(b|c|peek)\.o`\./);
});

test("two places with one fingerprint are two topics, whose keys do not move with the lines", () => {
  const twice = resultOf(peekFinding, { ...peekFinding, id: "f2", line: 219 });
  assert.deepEqual(keys(twice), [`${peekFinding.fingerprint}.1`, `${peekFinding.fingerprint}.2`]);
  const moved = resultOf({ ...peekFinding, line: 1220 }, { ...peekFinding, id: "f2", line: 1219 });
  assert.deepEqual(keys(moved), keys(twice));
});

test("what is there at the head speaks before what the series repairs again", () => {
  const repaired = { ...peekFinding, object: "fs/a.o", repairedBy: { number: 4, subject: "x" } };
  for (const findings of [
    [repaired, peekFinding],
    [peekFinding, repaired],
  ]) {
    const [topic, ...more] = topicsOf(resultOf(...findings));
    assert.equal(more.length, 0);
    assert.equal(topic!.finding.repairedBy, undefined);
    assert.equal(planFor(resultOf(...findings)).review?.comments.length, 1);
  }
});

test("old findings make no topic, and a fingerprint of any text makes a key of digits", () => {
  assert.deepEqual(keys(resultOf({ ...peekFinding, class: "fixed" }, { ...peekFinding, class: "unchanged" })), []);
  const random = randomSource(5);
  for (let round = 0; round < 200; round++) {
    const result = randomResult(random);
    const found = keys(result);
    assert.equal(new Set(found).size, found.length);
    for (const key of found) assert.match(key, /^[0-9a-f]{28}\.\d+$/);
    const told = topicsOf(result).reduce((sum, { others }) => sum + 1 + others.length, 0);
    assert.equal(told, result.findings.filter((each) => each.class === "new" || each.class === "worsened").length);
    const shuffled = { ...result, findings: [...result.findings].reverse() };
    assert.deepEqual([...keys(shuffled)].sort(), [...found].sort());
  }
});

test("severities and floors", () => {
  const floors = ["error", "warning", "note", "never"] as const;
  const table = (["error", "warning", "note"] as const).map((severity) =>
    floors.map((floor) => Number(reaches(severity, floor))).join(""),
  );
  assert.deepEqual(table, ["1110", "0110", "0010"]);
});

test("a command names a topic by the report's id, its key, or the beginning of its digits", () => {
  const other = { ...peekFinding, id: "f2", fingerprint: "77aa00112233445566778899aabb", line: 219 };
  const twice = { ...other, id: "f3", line: 218 };
  const topics = topicsOf(resultOf(peekFinding, { ...peekFinding, id: "f9", object: "fs/z.o" }, other, twice));
  const named = (id: string) => findTopic(topics, id)?.finding.id;
  assert.deepEqual(["f1", "f2", "f3"].map(named), ["f1", "f2", "f3"]);
  assert.ok(findTopic(topics, "f9") !== undefined && findTopic(topics, "f9") === findTopic(topics, "f1"));
  assert.notEqual(named("0f3a5c77"), undefined);
  assert.equal(named("77aa00112233445566778899aabb.2"), findTopic(topics, "f2")?.finding.id);
  assert.equal(named("77aa0011"), undefined, "two places");
  assert.equal(named("0f3a5c7"), undefined, "too short");
  assert.equal(named("f4"), undefined);
});
