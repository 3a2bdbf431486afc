import assert from "node:assert/strict";
import { test } from "node:test";
import { renderDigest } from "../../src/report/digest.ts";
import { renderHtml } from "../../src/report/html.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { renderText } from "../../src/report/text.ts";
import { exampleResult } from "./fixtures.ts";

const NAMES = ["x86_64-defconfig-gcc-sframe", "x86_64-defconfig-clang22-sframe", "x86_64-defconfig-gcc-sframe-os"];

/** The example under so many profiles, its findings seen under the first few of them. */
function under(profiles: number, seen: number): ReviewResult {
  const result = exampleResult();
  const [profile] = result.profiles;
  assert.ok(profile !== undefined && result.findings.length > 0);
  return {
    ...result,
    profiles: NAMES.slice(0, profiles).map((name) => ({ ...profile, name })),
    findings: result.findings.map((finding) => ({ ...finding, profiles: NAMES.slice(0, seen) })),
  };
}

const flat = (text: string): string => text.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");

const forms: readonly [string, (result: ReviewResult) => string][] = [
  ["digest", renderDigest],
  ["text", (result) => renderText(result, { colour: false })],
  ["page", renderHtml],
];

for (const [name, render] of forms)
  test(`${name}: of several profiles each is named, and each finding says under which it is`, () => {
    const said = (profiles: number, seen: number): string => flat(render(under(profiles, seen)));
    assert.match(said(2, 2), /under both profiles/);
    assert.match(said(3, 3), /under all 3 profiles/);
    assert.match(said(3, 2), /only under x86_64-defconfig-gcc-sframe, x86_64-defconfig-clang22-sframe/);
    assert.doesNotMatch(said(3, 3), /only under/);
    assert.doesNotMatch(said(1, 1), /under (both|all|x86_64)/);
    // Two that differ in flags alone do not read alike, and functions that each of them builds are not taken for others.
    assert.match(
      said(3, 1),
      /x86_64-defconfig-gcc-sframe \(gcc [\d.]+\).* x86_64-defconfig-gcc-sframe-os \(gcc [\d.]+\)/,
    );
    assert.match(said(2, 1), /functions, [\d.]+ % of the code bytes, the 2 profiles together/);
    assert.match(said(1, 1), /x86_64 defconfig, gcc [\d.]+/);
  });
