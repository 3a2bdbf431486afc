import { FormatError } from "../base/errors.ts";
import { IntMap } from "../base/int-map.ts";

const utf8 = new TextDecoder("utf-8");

/**
 * Names of a string table (gABI, "String Table"), by offset. A name is decoded once, however many symbols share it.
 *
 * Names may overlap: linkers let `text` be the tail of `.rela.text`. A hostile table makes every offset a name of its whole
 * length, so the characters that one table may give are bounded by a multiple of its size.
 */
export class StringTable {
  readonly #bytes: Uint8Array;
  readonly #place: { format: string; section: string };
  /** offset -> place in #names */
  readonly #known: IntMap;
  readonly #names: string[] = [];
  /** The whole table as text, where that has a character for each byte. */
  readonly #text: string | undefined;
  #budget: number;

  /** @param names about how many will be asked for */
  constructor(bytes: Uint8Array, format: string, section: string, names = 8) {
    this.#bytes = bytes;
    this.#known = new IntMap(names);
    this.#place = { format, section };
    this.#budget = 16 * bytes.length + 4096;
    this.#text = isAscii(bytes) ? utf8.decode(bytes) : undefined;
  }

  /** @throws FormatError out-of-range where no terminated name starts, over-budget */
  at(offset: number): string {
    const known = this.#known.get(offset);
    if (known !== undefined) return this.#names[known] as string;
    const nul = offset < this.#bytes.length ? this.#bytes.indexOf(0, offset) : -1;
    if (nul < 0) throw new FormatError("out-of-range", "name outside the string table", { ...this.#place, offset });
    this.#budget -= nul - offset;
    if (this.#budget < 0)
      throw new FormatError("over-budget", "overlapping names of unlikely length", { ...this.#place, offset });
    const name = this.#text?.slice(offset, nul) ?? utf8.decode(this.#bytes.subarray(offset, nul));
    this.#known.set(offset, this.#names.push(name) - 1);
    return name;
  }
}

function isAscii(bytes: Uint8Array): boolean {
  let all = 0;
  for (let i = 0; i < bytes.length; i++) all |= bytes[i] as number;
  return all < 0x80;
}
