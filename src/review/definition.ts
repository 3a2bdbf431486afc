// Whether a source file defines a function, from its text alone. It may be wrong both ways: what it finds is built and looked at, what
// it misses is said to be undecided. The text may be hostile, so nothing here looks further than a fixed distance.

/** Parameter lists, with attributes behind them, are shorter. */
const MAX_HEAD = 2000;
/** Occurrences of the name that are looked at. */
const MAX_OCCURRENCES = 1000;

/** `symbol` is a C identifier. True for "type symbol(parameters) {" and, in assembly, for SYM_FUNC_START(symbol) and its like. */
export function definesFunction(path: string, text: string, symbol: string): boolean {
  if (!/^[A-Za-z_]\w*$/.test(symbol)) return false;
  let at = text.indexOf(symbol);
  for (let seen = 0; at >= 0 && seen < MAX_OCCURRENCES; seen++) {
    const end = at + symbol.length;
    const isWhole = !/\w/.test(text[at - 1] ?? " ") && !/\w/.test(text[end] ?? " ");
    if (isWhole && (path.endsWith(".S") ? isStart(text, at, end) : isHead(text, at, end))) return true;
    at = text.indexOf(symbol, end);
  }
  return false;
}

/** include/linux/linkage.h: SYM_FUNC_START, SYM_CODE_START_NOALIGN, SYM_TYPED_FUNC_START ... */
function isStart(text: string, at: number, end: number): boolean {
  return (
    /SYM_[A-Z_]*START[A-Z_]*\(\s*$/.test(text.slice(Math.max(0, at - 60), at)) &&
    /^\s*\)/.test(text.slice(end, end + 20))
  );
}

/** A parameter list follows, and a body behind it; what stands before on the line is no expression. */
function isHead(text: string, at: number, end: number): boolean {
  const line = text.slice(Math.max(text.lastIndexOf("\n", at - 1) + 1, at - 300), at);
  if (!/^[\w \t*()]*$/.test(line) || /^\s/.test(line) || /\b(return|if|while|else|case)\b/.test(line)) return false;
  const head = text.slice(end, end + MAX_HEAD);
  const open = /^\s*\(/.exec(head);
  if (open === null) return false;
  let depth = 0;
  let i = open[0].length - 1;
  for (; i < head.length; i++) {
    const c = head[i];
    if (c === "(") depth++;
    else if (c === ")" && --depth === 0) break;
    else if (c === ";" || c === "{") return false;
  }
  // Attributes may stand between: __must_hold(&lock), __attribute__((cold)).
  return /^[\w\s(),&>.-]*\{/.test(head.slice(i + 1).split(";")[0] as string);
}
