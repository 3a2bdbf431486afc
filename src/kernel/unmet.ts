import type { ConfigEntry } from "./kconfig-text.ts";
import { evaluateDependency } from "./kconfig-text.ts";
import type { KernelConfig } from "./kernel-config.ts";
import type { Blocker, Membership } from "./membership.ts";

// Why a file is not built, in the tree's own words: the symbol in the line that names it, and the `depends on` that keeps that
// symbol off.

export interface UnmetCondition {
  /** The Kbuild file and line that names the object or its directory; line 0: none does. */
  readonly file: string;
  readonly line: number;
  /** "CONFIG_NFT_LOG", off in this configuration. */
  readonly symbols: readonly string[];
  /** Expressions of those symbols that do not hold, "NF_TABLES && NETFILTER". */
  readonly dependsOn: readonly string[];
  /** One sentence. */
  readonly text: string;
}

/**
 * Explains a "not-built" membership. `readKbuild` gives the text of a directory's Kbuild file with its path; `entries` are the
 * Kconfig entries of a symbol without its CONFIG_ prefix.
 */
export function explainNotBuilt(
  membership: Extract<Membership, { kind: "not-built" }>,
  readKbuild: (dir: string) => { readonly file: string; readonly text: string } | undefined,
  entries: (symbol: string) => readonly ConfigEntry[],
  config: KernelConfig,
): UnmetCondition | undefined {
  const blocker: Blocker | undefined = membership.blockers[0];
  if (blocker === undefined) return undefined;
  const kbuild = readKbuild(blocker.dir);
  const named = kbuild === undefined ? undefined : findConditions(kbuild.text, blocker.name);
  if (kbuild === undefined || named === undefined) {
    const file = kbuild?.file ?? blocker.dir;
    return { file, line: 0, symbols: [], dependsOn: [], text: `no line of ${file} names ${blocker.name}` };
  }
  const symbols = named.symbols.filter((symbol) => !config.values.has(symbol));
  const dependsOn: string[] = [];
  for (const symbol of symbols) {
    for (const entry of entries(symbol.slice("CONFIG_".length))) {
      for (const expression of entry.dependsOn) {
        if (evaluateDependency(expression, config) === 0) dependsOn.push(expression);
      }
    }
  }
  const what =
    symbols.length === 0 ? "a condition that is not a CONFIG_ symbol alone" : `${symbols.join(" and ")}, off here`;
  const unmet =
    dependsOn.length === 0 ? "" : `; depends on ${[...new Set(dependsOn)].join(" and on ")}, which does not hold`;
  const text = `${kbuild.file}:${named.line} builds ${blocker.name} under ${what}${unmet}`;
  return { file: kbuild.file, line: named.line, symbols, dependsOn: [...new Set(dependsOn)], text };
}

/** The first line that lists `name`, with the symbols that decide it: its list's, its composite's, those of `if` blocks around. */
export function findConditions(text: string, name: string, depth = 0): { line: number; symbols: string[] } | undefined {
  const around: string[][] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const number = at + 1;
    let line = lines[at]!;
    while (line.endsWith("\\") && at + 1 < lines.length) line = `${line.slice(0, -1)} ${lines[++at]!.trim()}`;
    line = line.replace(/(^|\s)#.*$/, "");
    if (/^\s*(ifdef|ifeq|ifneq|ifndef)\b/.test(line)) around.push(symbolsIn(line));
    else if (/^\s*endif\b/.test(line)) around.pop();
    const assignment = /^\s*([^\s:+?=#]+(?:\([^)]*\))?[^\s:+?=]*)\s*[:+?]?=\s*(.*)$/.exec(line);
    if (assignment === null) continue;
    const words = assignment[2]!.split(/\s+/);
    // "amd/amdgpu/" leads to amd/ too.
    if (!words.some((word) => word === name || (name.endsWith("/") && word.startsWith(name)))) continue;
    const list = assignment[1]!;
    const symbols = [...symbolsIn(list), ...around.flat()];
    // "foo-y += bar.o" and "foo-$(CONFIG_X) += bar.o" make bar.o a part of foo.o, which has a condition of its own.
    const composite = /^(.+)-(?:y|m|objs|\$\(.*\))$/.exec(list)?.[1];
    if (composite !== undefined && !/^(obj|lib|subdir|extra|always)$/.test(composite) && depth < 4) {
      // Else it is a plain variable: "obj-$(CONFIG_X) += $(foo-y)".
      const whole =
        findConditions(text, `${composite}.o`, depth + 1) ?? findConditions(text, `$(${composite}-y)`, depth + 1);
      if (whole !== undefined) symbols.push(...whole.symbols);
    }
    return { line: number, symbols: [...new Set(symbols)] };
  }
  return undefined;
}

function symbolsIn(text: string): string[] {
  return text.match(/CONFIG_\w+/g) ?? [];
}
