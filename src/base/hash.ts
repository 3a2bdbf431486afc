// A 106-bit content hash for identities inside objreview (fingerprints, state keys): two independent 53-bit
// multiply-xor hashes with different seeds. Not for authentication: an attacker can only make two of their own findings equal.

function mix(text: string, seed: number): number {
  let high = 0xdeadbeef ^ seed;
  let low = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

/** 28 hexadecimal digits, the same for the same text on every machine and in every run. */
export function hashText(text: string): string {
  return mix(text, 0).toString(16).padStart(14, "0") + mix(text, 0x9e3779b9).toString(16).padStart(14, "0");
}
