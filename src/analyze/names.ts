// Names as people and fingerprints use them: without what a compiler appends to tell its copies apart.

/** gcc's clones: constant propagation, scalar replacement, partial inlining, cold parts, and LTO's privatised names. */
const CLONE_SUFFIX = /(\.(constprop|isra|part|cold|lto_priv)(\.\d+)?)+$/;

/** "foo.constprop.0.isra.3" -> "foo" */
export function sourceName(symbol: string): string {
  return symbol.replace(CLONE_SUFFIX, "");
}

/** The same with the counters of __UNIQUE_ID names and compiler-made local statics taken out. */
export function stableName(symbol: string): string {
  return sourceName(symbol)
    .replace(/(__UNIQUE_ID_[A-Za-z_]*?)\d+/g, "$1")
    .replace(/\.\d+$/, "");
}
