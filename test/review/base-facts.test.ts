import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { FACTS_VERSION } from "../../src/facts/object-facts.ts";
import { summarize } from "../../src/facts/summarize.ts";
import { packFacts, readFacts } from "../../src/review/base-facts.ts";
import { assembleText } from "../support/analyzed.ts";

const dependencies = new TextEncoder().encode("what stands beside it");

function smallPack(): Uint8Array {
  const facts = summarize(bytesSource(assembleText("FUNC f\n\tjmp g\nEND f\n")));
  return packFacts(
    [{ unit: "vmlinux", objects: new Map([["a.o", "c0de"]]) }],
    new Map([["c0de", facts]]),
    dependencies,
  );
}

function refused(packed: Uint8Array, code: FormatError["code"], beside = dependencies): void {
  assert.throws(
    () => readFacts(packed, beside),
    (error) => error instanceof FormatError && error.code === code,
  );
}

test("a pack is read back", () => {
  const { units, codeOf } = readFacts(smallPack(), dependencies);
  assert.deepEqual([...codeOf], [["a.o", "c0de"]]);
  assert.deepEqual(
    units[0]?.store.definitions("f").map(({ object }) => object),
    ["a.o"],
  );
});

test("any byte that is another, and any end that is missing, is told before a fact is read", () => {
  const good = smallPack();
  for (let at = 0; at < good.length; at++) {
    const bad = Uint8Array.from(good);
    bad[at] = (bad[at] as number) ^ 0x10;
    assert.throws(
      () => readFacts(bad, dependencies),
      (error) => error instanceof FormatError,
      `byte ${at}`,
    );
  }
  for (const length of [0, 1, 63, 64, 65, good.length - 1]) refused(good.subarray(0, length), "bad-value");
});

test("facts of another version, and the list of dependencies of another build, are told", () => {
  const good = smallPack();
  const text = Buffer.from(good).toString("latin1");
  const other = text.replace(`facts ${FACTS_VERSION} `, `facts ${FACTS_VERSION + 1} `);
  refused(Buffer.from(other, "latin1"), "unsupported");
  refused(good, "bad-value", new TextEncoder().encode("something else"));
  refused(new TextEncoder().encode("no pack at all"), "bad-value");
});
