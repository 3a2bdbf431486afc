import assert from "node:assert/strict";
import { test } from "node:test";
import { hashText } from "../../src/base/hash.ts";
import { seededRandom } from "../support/random.ts";

test("the same text has the same hash on every machine and in every version", () => {
  // Stored fingerprints depend on these: a change here makes every known finding new.
  assert.equal(hashText(""), "0bdcb81aee8d8310c329583afc3b");
  assert.equal(hashText("return-with-stack-imbalance do_exit"), "1813e653f9e9eb1879d61f412b68");
});

test("28 hexadecimal digits, and no collision among near and random texts", () => {
  const random = seededRandom(4);
  const seen = new Map<string, string>();
  const add = (text: string) => {
    const hash = hashText(text);
    assert.match(hash, /^[0-9a-f]{28}$/);
    assert.equal(seen.get(hash) ?? text, text);
    seen.set(hash, text);
  };
  for (let i = 0; i < 50_000; i++) add(`function_${i}`);
  for (let i = 0; i < 50_000; i++) add(String.fromCharCode(random() & 0xffff, random() & 0xffff, random() & 0xffff));
  for (let length = 0; length < 300; length++) add("a".repeat(length));
});

test("each half depends on the whole text", () => {
  const base = "a".repeat(64);
  const first = hashText(base);
  for (let i = 0; i < 64; i++) {
    const changed = hashText(`${base.slice(0, i)}b${base.slice(i + 1)}`);
    assert.notEqual(changed.slice(0, 14), first.slice(0, 14));
    assert.notEqual(changed.slice(14), first.slice(14));
  }
});
