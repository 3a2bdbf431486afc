import manifest from "../package.json" with { type: "json" };

/** objreview's own version. */
export const VERSION: string = manifest.version;
