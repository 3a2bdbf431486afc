import { crc32 } from "node:zlib";
import { FormatError } from "../base/errors.ts";
import { type FactFile, readFactFile, type UnitCodes, writeFactFile } from "../facts/fact-file.ts";
import type { ObjectFacts } from "../facts/object-facts.ts";
import { FACTS_VERSION } from "../facts/object-facts.ts";

// The facts of all objects of a base in one file: a line that names the version and the checksums of what is behind it and of the list of dependencies that was
// written with it, then the file of src/facts/fact-file.ts. A review reads what it needs of it; that nothing of it is damaged the checksum says beforehand.

/** Bytes of the line: what is behind it begins at a whole word. */
const LINE_BYTES = 64;

/** @param dependencies the packed list of them that stands beside it */
export function packFacts(
  units: readonly UnitCodes[],
  facts: ReadonlyMap<string, ObjectFacts>,
  dependencies: Uint8Array,
): Uint8Array {
  const content = writeFactFile(units, facts);
  const line = `objreview facts ${FACTS_VERSION} ${sum(content)} ${sum(dependencies)}`;
  return Buffer.concat([Buffer.from(`${line.padEnd(LINE_BYTES - 1)}\n`), content]);
}

/** @throws FormatError "unsupported" for facts of another version of objreview, "bad-value" for what is no pack or is damaged */
export function readFacts(packed: Uint8Array, dependencies: Uint8Array): FactFile {
  const line = Buffer.from(packed.subarray(0, LINE_BYTES)).toString("latin1");
  const [, version, ofContent, ofDependencies] =
    /^objreview facts (\d+) ([0-9a-f]{8}) ([0-9a-f]{8}) *\n$/.exec(line) ?? [];
  if (version === undefined) throw new FormatError("bad-value", "not a pack of facts", { format: "facts" });
  if (Number(version) !== FACTS_VERSION)
    throw new FormatError("unsupported", `facts of version ${version}, wanted ${FACTS_VERSION}`, { format: "facts" });
  const content = packed.subarray(LINE_BYTES);
  if (sum(content) !== ofContent)
    throw new FormatError("bad-value", "they are damaged: their checksum is another", { format: "facts" });
  if (sum(dependencies) !== ofDependencies)
    throw new FormatError("bad-value", "not written with the dependencies beside them", { format: "facts" });
  return readFactFile(content);
}

function sum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}
