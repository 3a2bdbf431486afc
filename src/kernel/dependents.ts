import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { z } from "zod";
import { FormatError } from "../base/errors.ts";

// Which objects were made from which files: kbuild's own answer, from the dependency files that it leaves beside every object. They are
// 70 KB an object and 210 MB a kernel; what a review asks is kept here in half a megabyte.
//
// A pack is compressed; inside, after PACK_MAGIC: the length of a JSON text {objects, paths} as 4 bytes (little endian), the text, and for each path
// in order the number of bytes of its list and the list itself, both of LEB128 numbers: steps from one object's index to the next.

export interface DependencyIndex {
  /** Source path -> objects that were made from it, sorted. */
  readonly objectsOf: Pick<ReadonlyMap<string, readonly string[]>, "has" | "get">;
  readonly objectCount: number;
}

const namesSchema = z.strictObject({ objects: z.array(z.string()), paths: z.array(z.string()) });

const PACK_MAGIC = "objreview dependencies 1\n";
const MAX_PACK_BYTES = 512 << 20;

/** Collects what objects are made from, and packs it. */
export class DependencyCollector {
  readonly #objects: string[] = [];
  readonly #indexOf = new Map<string, number>();
  readonly #paths: string[] = [];
  /** Per object, indices of paths. */
  readonly #made: Uint32Array[] = [];

  /** @param paths in the source tree. An object is added once. */
  add(object: string, paths: readonly string[]): void {
    const indices = new Uint32Array(new Set(paths).size);
    let at = 0;
    for (const path of new Set(paths)) {
      let index = this.#indexOf.get(path);
      if (index === undefined) {
        index = this.#paths.length;
        this.#paths.push(path);
        this.#indexOf.set(path, index);
      }
      indices[at++] = index;
    }
    this.#objects.push(object);
    this.#made.push(indices);
  }

  pack(): Uint8Array {
    const order = [...this.#objects.keys()].sort((a, b) => (this.#objects[a]! < this.#objects[b]! ? -1 : 1));
    const lists: number[][] = this.#paths.map(() => []);
    const last = new Int32Array(this.#paths.length);
    for (const [position, which] of order.entries()) {
      for (const path of this.#made[which]!) {
        pushNumber(lists[path]!, position - last[path]!);
        last[path] = position;
      }
    }
    const objects = order.map((which) => this.#objects[which]!);
    const names = new TextEncoder().encode(JSON.stringify({ objects, paths: this.#paths }));
    const magic = new TextEncoder().encode(PACK_MAGIC);
    const sized = lists.map((list) => {
      const size: number[] = [];
      pushNumber(size, list.length);
      return [size, list];
    });
    const total = sized.reduce((sum, [size, list]) => sum + size!.length + list!.length, 0);
    const bytes = new Uint8Array(magic.length + 4 + names.length + total);
    bytes.set(magic);
    new DataView(bytes.buffer).setUint32(magic.length, names.length, true);
    bytes.set(names, magic.length + 4);
    let at = magic.length + 4 + names.length;
    for (const part of sized.flat()) {
      bytes.set(part, at);
      at += part.length;
    }
    return zstdCompressSync(bytes);
  }
}

/** Reads a pack; lists are decoded when they are asked for. Throws FormatError. */
export function readDependencies(packed: Uint8Array): DependencyIndex {
  let bytes: Uint8Array;
  let names: { objects: string[]; paths: string[] };
  let at = PACK_MAGIC.length + 4;
  try {
    bytes = zstdDecompressSync(packed, { maxOutputLength: MAX_PACK_BYTES });
    if (new TextDecoder().decode(bytes.subarray(0, PACK_MAGIC.length)) !== PACK_MAGIC)
      throw new Error("another format");
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(PACK_MAGIC.length, true);
    names = namesSchema.parse(JSON.parse(new TextDecoder().decode(bytes.subarray(at, at + length))));
    at += length;
  } catch {
    throw damaged();
  }
  const starts = new Map<string, number>();
  for (const path of names.paths) {
    starts.set(path, at);
    const { value, next } = readNumber(bytes, at);
    at = next + value;
  }
  if (at !== bytes.length) throw damaged();
  const get = (path: string): string[] | undefined => {
    const start = starts.get(path);
    if (start === undefined) return undefined;
    const size = readNumber(bytes, start);
    const list: string[] = [];
    let index = 0;
    for (let from = size.next; from < size.next + size.value; ) {
      const step = readNumber(bytes, from);
      index += step.value;
      const object = names.objects[index];
      if (object === undefined) throw damaged();
      list.push(object);
      from = step.next;
    }
    return list;
  };
  return { objectsOf: { has: (path) => starts.has(path), get }, objectCount: names.objects.length };
}

function damaged(): FormatError {
  return new FormatError("bad-value", "not a pack of dependencies", { format: "dependencies" });
}

function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
}

function readNumber(bytes: Uint8Array, from: number): { value: number; next: number } {
  let value = 0;
  for (let at = from, shift = 0; at < bytes.length && shift < 32; at++, shift += 7) {
    const byte = bytes[at]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: value >>> 0, next: at + 1 };
  }
  throw damaged();
}
