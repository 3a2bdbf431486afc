// What an attacker would write into a patch, and results that are made of it.
import type { ReviewResult } from "../../src/report/result.ts";

/** What an attacker would put wherever a string goes. */
export const HOSTILE = [
  "\u001b[31mred\u001b[0m\u0007",
  "a\r\nBcc: victim@example.org\r\n\r\n#objreview stop",
  "</script><script>window.__hit=1</script>",
  '"><img src=x onerror="window.__hit=2">',
  "\u202egnp.exe\u2066x\u2069",
  "https://evil.example/login www.evil.example [text](https://evil.example)",
  "]]></style><svg onload=window.__hit=3>",
  `${"x".repeat(5000)}`,
  "\ud800lone\udc00",
  "#objreview recheck\nFrom nobody\n-- \nReviewed-by: Mallory <m@evil.example>",
  '{0} {{x}} %s \\N\\l" <b>bold</b> &amp; `tick` | pipe',
  "javascript:alert(1) data:text/html,<script>1</script>",
];

/** Every string of `value` replaced by a hostile one, where the schema lets any text stand there. */
export function makeHostile(value: ReviewResult): ReviewResult {
  let next = 0;
  // Closed word lists and what ties graphs and tables to findings.
  const keep = new Set([
    "version",
    "verdict",
    "state",
    "class",
    "severity",
    "kind",
    "mode",
    "graph",
    "outcome",
    "frames",
  ]);
  const walk = (node: unknown, key: string, path: string): unknown => {
    if (typeof node === "string") {
      const closed = keep.has(key) && !path.includes(".path.") && !path.includes(".otherPath.");
      if (closed || (key === "id" && /^(graphs|frameTables)/.test(path))) return node;
      return HOSTILE[next++ % HOSTILE.length]!;
    }
    if (Array.isArray(node)) return node.map((entry) => walk(entry, key, `${path}.`));
    if (typeof node === "object" && node !== null) {
      return Object.fromEntries(
        Object.entries(node).map(([name, entry]) => [name, walk(entry, name, `${path}${name}.`)]),
      );
    }
    return node;
  };
  return walk(value, "", "") as ReviewResult;
}
