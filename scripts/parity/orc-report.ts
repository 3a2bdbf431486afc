import type { OrcParity } from "./orc.ts";

/** The outcome of a comparison of ORC, for people. */
export function describeOrc(parity: OrcParity): string {
  const { instructions, differing, ourRows, theirRows, samples, inexpressible } = parity;
  return [
    `ORC: ${differing} of ${instructions} instructions differ; ${ourRows} rows of ours, ${theirRows} of theirs`,
    ...samples.map((text) => `  ${text}`),
    ...inexpressible.map((text) => `  no row: ${text}`),
  ].join("\n");
}
