import { ALTERNATIVES_14, ANNOTATIONS_614, HINTS_TYPES, type KernelFormats } from "../../src/flow/formats.ts";

/** Formats of a tree from 6.4 on, but for what the test is about. */
export function treeFormats(but: Partial<KernelFormats> = {}): KernelFormats {
  return {
    source: "a test",
    hints: HINTS_TYPES,
    alternatives: ALTERNATIVES_14,
    annotations: ANNOTATIONS_614,
    forcesByFeature: true,
    annotatesOwnAddresses: false,
    orc: undefined,
    assumed: [],
    ...but,
  };
}
