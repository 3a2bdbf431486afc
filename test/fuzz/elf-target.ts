import assert from "node:assert/strict";
import { bytesSource } from "../../src/base/bytes.ts";
import { SHF_COMPRESSED, SHT_REL } from "../../src/elf/constants.ts";
import { openObject } from "../../src/elf/object.ts";
import { readArm64Objects } from "../support/arm64-objects.ts";
import type { FuzzTarget } from "./target.ts";

export const elfTarget: FuzzTarget = {
  name: "elf",
  seeds: () =>
    readArm64Objects()
      .map(({ bytes }) => bytes)
      .filter((bytes) => bytes.length < 16_384),
  read(bytes) {
    const object = openObject(bytesSource(bytes));
    assert.equal(object.symbolName.length, object.symbols.length);
    for (let section = 0; section < object.sections.length; section++) {
      const compressed = (object.sections.flags[section]! & SHF_COMPRESSED) !== 0;
      if (section > 0 && !compressed) assert.ok(object.bytes(section).length <= bytes.length);
      const withoutAddend = object.sections.type.some(
        (type, i) => type === SHT_REL && object.sections.info[i] === section,
      );
      if (withoutAddend) continue; // refused by contract; the other sections are still read
      const relocs = object.relocs(section);
      for (let i = 0; i < relocs.length; i++) {
        assert.ok(relocs.offset[i]! < object.sections.size[section]!);
        assert.ok(relocs.symbol[i]! < object.symbols.length);
        if (i > 0) assert.ok(relocs.offset[i - 1]! <= relocs.offset[i]!);
      }
    }
    for (let i = 0; i < object.symbols.length; i++) assert.ok(object.symbols.section[i]! < object.sections.length);
  },
  hot(bytes) {
    if (bytes.length < 64) return [[0, bytes.length]];
    const table = new DataView(bytes.buffer, bytes.byteOffset).getUint32(40, true);
    return [
      [0, 64],
      [table, bytes.length],
    ];
  },
};
