// A set of small numbers as text, six of them a character, so that it is stored as it is and asked without being unpacked.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const bitsOf = new Uint8Array(128).fill(255);
for (let i = 0; i < ALPHABET.length; i++) bitsOf[ALPHABET.charCodeAt(i)] = i;

/** @param count numbers are below it */
export function bitText(numbers: Iterable<number>, count: number): string {
  const codes = new Uint8Array(Math.ceil(count / 6));
  for (const n of numbers) codes[Math.floor(n / 6)] = (codes[Math.floor(n / 6)] as number) | (1 << (n % 6));
  let text = "";
  for (let from = 0; from < codes.length; from += 4096)
    text += String.fromCharCode(...codes.subarray(from, from + 4096).map((code) => ALPHABET.charCodeAt(code)));
  return text;
}

/** Whether a number is in the set; false for one that is not below its count. */
export function hasBit(text: string, n: number): boolean {
  const value = bitsOf[text.charCodeAt(Math.floor(n / 6))];
  return value !== undefined && value !== 255 && ((value >> (n % 6)) & 1) === 1;
}

export function isBitText(text: string, count: number): boolean {
  return text.length === Math.ceil(count / 6) && /^[A-Za-z0-9+/]*$/.test(text);
}
