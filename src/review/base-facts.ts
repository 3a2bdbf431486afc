import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { FormatError } from "../base/errors.ts";
import { decodeFacts, encodeFacts } from "../facts/encode.ts";
import type { ObjectFacts } from "../facts/object-facts.ts";
import { FACTS_VERSION } from "../facts/object-facts.ts";

// The facts of all objects of a base in one compressed file, found by the digest of the object's code: a line that names the version, then two
// lines for each object, its digest and its facts.

const MAX_PACK_BYTES = 1 << 30;

export function packFacts(facts: ReadonlyMap<string, ObjectFacts>): Uint8Array {
  const lines = [`objreview facts ${FACTS_VERSION}`];
  for (const [code, one] of [...facts].sort(([a], [b]) => (a < b ? -1 : 1))) lines.push(code, encodeFacts(one));
  return zstdCompressSync(`${lines.join("\n")}\n`);
}

/** @throws FormatError "unsupported" for facts of another version of objreview, "bad-value" for what is no pack */
export function readFacts(packed: Uint8Array): Map<string, ObjectFacts> {
  let text: string;
  try {
    text = zstdDecompressSync(packed, { maxOutputLength: MAX_PACK_BYTES }).toString();
  } catch {
    throw new FormatError("bad-value", "not a pack of facts", { format: "facts" });
  }
  const lines = text.split("\n");
  const version = /^objreview facts (\d+)$/.exec(lines[0] ?? "")?.[1];
  if (version === undefined) throw new FormatError("bad-value", "not a pack of facts", { format: "facts" });
  if (Number(version) !== FACTS_VERSION)
    throw new FormatError("unsupported", `facts of version ${version}, wanted ${FACTS_VERSION}`, { format: "facts" });
  const facts = new Map<string, ObjectFacts>();
  for (let at = 1; at + 1 < lines.length; at += 2) facts.set(lines[at]!, decodeFacts(lines[at + 1]!));
  return facts;
}
