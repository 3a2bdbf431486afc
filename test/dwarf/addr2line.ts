import { execFileSync } from "node:child_process";
import { type Place, readSourcePlaces, type SourcePlaces } from "../../src/dwarf/source-places.ts";
import { SHF_EXECINSTR, SHT_PROGBITS } from "../../src/elf/constants.ts";
import { openFile } from "./objects.ts";

/**
 * Where addr2line (binutils 2.40) is known to say something else, and why it is not followed:
 * - symbol-name: no entry of a function covers the byte (padding, assembly without .type). addr2line names the symbol
 *   before it; the file and line agree.
 * - first-file: rows before any DW_LNS_set_file in a DWARF 5 table. DWARF 5, 6.2.2 starts with file 1, and readelf
 *   agrees; addr2line takes file 0. The line and the callers agree.
 * - no-lines: the object has no row for the byte. addr2line makes a place without a line of the symbol table.
 * - outside-unit: code that inline assembly puts into another section (an alternative) has rows, but the unit's own
 *   ranges leave it out, and addr2line goes by those.
 */
export const TOLERANCES = ["symbol-name", "first-file", "no-lines", "outside-unit"] as const;
export type Tolerance = (typeof TOLERANCES)[number];

export interface Comparison {
  readonly asked: number;
  readonly equal: number;
  /** Answers with at least one inlined call. */
  readonly inlined: number;
  readonly deepest: number;
  readonly tolerated: Readonly<Record<Tolerance, number>>;
  /** The first few answers that differ for no known reason. */
  readonly wrong: readonly string[];
}

/** Asks addr2line and us for every `step`th byte of every executable section of an object. */
export function compareWithAddr2line(path: string, step: number): Comparison {
  const object = openFile(path);
  const places = readSourcePlaces(object);
  const symbols = new Set(object.symbolName);
  const tolerated = { "symbol-name": 0, "first-file": 0, "no-lines": 0, "outside-unit": 0 };
  const wrong: string[] = [];
  let asked = 0;
  let equal = 0;
  let inlined = 0;
  let deepest = 0;
  const { sections, sectionName } = object;
  for (let section = 1; section < sections.length; section++) {
    const isCode =
      ((sections.flags[section] as number) & SHF_EXECINSTR) !== 0 && sections.type[section] === SHT_PROGBITS;
    const size = sections.size[section] as number;
    if (!isCode || size === 0) continue;
    const name = sectionName[section] as string;
    const offsets: number[] = [];
    for (let offset = 0; offset < size; offset += step) offsets.push(offset);
    const answers = askAddr2line(path, name, offsets);
    for (const [i, offset] of offsets.entries()) {
      const theirs = answers[i] as string[];
      const place = places.find(section, offset);
      const ours = frames(places, place, section, offset);
      asked++;
      if (place !== undefined && place.inlineStack.length > 0) inlined++;
      deepest = Math.max(deepest, place?.inlineStack.length ?? 0);
      if (theirs.join("\n") === ours.join("\n")) {
        equal++;
        continue;
      }
      const reasons = explain(theirs, ours, place, symbols);
      for (const reason of reasons) tolerated[reason]++;
      if (reasons.length === 0 && wrong.length < 5) {
        wrong.push(
          `${name}+0x${offset.toString(16)}\naddr2line:\n  ${theirs.join("\n  ")}\nours:\n  ${ours.join("\n  ")}`,
        );
      }
    }
  }
  return { asked, equal, inlined, deepest, tolerated, wrong };
}

/** Function and place of each frame in turn, innermost first, as `addr2line -i -f` prints them. */
function frames(places: SourcePlaces, place: Place | undefined, section: number, offset: number): string[] {
  if (place === undefined) return ["??", "??:0"];
  const names = [...place.inlineStack.map((call) => call.function), places.findFunction(section, offset)?.name ?? "??"];
  const at = [place, ...place.inlineStack].map(({ file, line }) => `${file}:${line === 0 ? "?" : line}`);
  return names.flatMap((name, i) => [name, at[i] as string]);
}

function explain(theirs: string[], ours: string[], place: Place | undefined, symbols: Set<string>): Tolerance[] {
  if (place === undefined) return theirs.length === 2 && /:(\?|0)$/.test(theirs[1] as string) ? ["no-lines"] : [];
  const noFunction = ours.length === 2 && ours[0] === "??";
  if (noFunction && theirs.join() === "??,??:0") return ["outside-unit"];
  const reasons: Tolerance[] = [];
  const rest = [...ours];
  if (noFunction && symbols.has(theirs[0] as string)) {
    rest[0] = theirs[0] as string;
    reasons.push("symbol-name");
  }
  if (lineOf(theirs[1]) === lineOf(ours[1]) && theirs[1] !== ours[1]) {
    rest[1] = theirs[1] as string;
    reasons.push("first-file");
  }
  return rest.join("\n") === theirs.join("\n") ? reasons : [];
}

function lineOf(place: string | undefined): string {
  return place?.slice(place.lastIndexOf(":")) ?? "";
}

function askAddr2line(path: string, section: string, offsets: readonly number[]): string[][] {
  const input = `${offsets.map((offset) => offset.toString(16)).join("\n")}\n`;
  const command = ["-e", path, "-j", section, "-i", "-f", "-a"];
  const output = execFileSync("addr2line", command, { input, encoding: "utf8", maxBuffer: 1 << 30 });
  const records = output.split(/^0x[0-9a-f]+\n/m).slice(1);
  return records.map((record) =>
    record
      .replace(/ \(discriminator \d+\)/g, "")
      .trim()
      .split("\n"),
  );
}
