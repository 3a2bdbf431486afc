// Mutations of byte inputs, seeded: the same seed makes the same input on every machine.

type Random = () => number;

/** Half-open byte ranges in which a mutation does most: headers, tables. */
export type HotRanges = readonly (readonly [start: number, end: number])[];

/** Values at which sizes, counts and offsets go wrong. */
const interesting: readonly bigint[] = [
  0n,
  1n,
  2n,
  7n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xff00n,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff0n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1f_ffff_ffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
];

const MAX_STEPS = 6;

/** A changed copy of `input`: one to six bit flips, integers, copies, cuts or pieces of `other`. Never longer than twice both. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random, hot: HotRanges = []): Uint8Array {
  let bytes: Uint8Array = input.slice();
  const limit = 2 * Math.max(input.length, other.length, 16);
  for (let left = 1 + (random() % MAX_STEPS); left > 0; left--) {
    bytes = step(bytes, other, random, hot);
    if (bytes.length > limit) bytes = bytes.subarray(0, limit);
  }
  return bytes;
}

function step(bytes: Uint8Array, other: Uint8Array, random: Random, hot: HotRanges): Uint8Array {
  if (bytes.length === 0) return other.slice(0, 1 + (random() % 64));
  const at = place(bytes.length, random, hot);
  const run = Math.min(1 + (random() % 64), bytes.length - at);
  switch (random() % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
      bytes[at] = (bytes[at] as number) ^ (1 << (random() % 8));
      return bytes;
    case 4:
    case 5:
      bytes[at] = random();
      return bytes;
    case 6:
    case 7:
    case 8:
    case 9:
      putInteger(bytes, at, random);
      return bytes;
    case 10: // a small change to what stands there
      bytes[at] = (bytes[at] as number) + (random() % 17) - 8;
      return bytes;
    case 11: // one place copied over another
      bytes.copyWithin(place(bytes.length, random, hot), at, at + run);
      return bytes;
    case 12:
      bytes.fill(random() & 1 ? 0 : 0xff, at, at + run);
      return bytes;
    case 13: // cut off
      return bytes.slice(0, random() & 1 ? at : bytes.length - (random() % Math.min(bytes.length, 64)));
    case 14: // a piece removed or doubled, so that everything behind it moves
      return random() & 1
        ? joined(bytes.subarray(0, at), bytes.subarray(at + run))
        : joined(bytes.subarray(0, at + run), bytes.subarray(at));
    default: {
      if (other.length === 0) return bytes;
      const from = random() % other.length;
      const piece = other.subarray(from, from + run);
      if (random() & 1) return joined(bytes.subarray(0, at), piece, bytes.subarray(at));
      bytes.set(piece.subarray(0, bytes.length - at), at);
      return bytes;
    }
  }
}

/** Two of three places lie in a hot range, most of them aligned to a field. */
function place(length: number, random: Random, hot: HotRanges): number {
  if (hot.length > 0 && random() % 3 !== 0) {
    const [start, end] = hot[random() % hot.length] as readonly [number, number];
    const size = Math.min(end, length) - start;
    if (start >= 0 && size > 0) {
      const at = start + (random() % size);
      return random() % 4 === 0 ? at : at & ~3;
    }
  }
  return random() % length;
}

function putInteger(bytes: Uint8Array, at: number, random: Random): void {
  const value = interesting[random() % interesting.length] as bigint;
  const size = 1 << (random() % 4);
  for (let i = 0; i < size && at + i < bytes.length; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
