import type { KernelConfig } from "./kernel-config.ts";

// As much of the Kconfig language (Documentation/kbuild/kconfig-language.rst) as it takes to say why a symbol is off: the
// `depends on` of its entries, the `if` and `menu` blocks around them, and the value of such an expression. `source` under an
// `if` of another file is not followed: what is said here is true, and may not be all.

export interface ConfigEntry {
  readonly symbol: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** All must hold. */
  readonly dependsOn: readonly string[];
  /** It can be switched on by hand; without a prompt only other symbols select it. */
  readonly hasPrompt: boolean;
}

/** The entries of one Kconfig file. Lines of another form are passed over. */
export function readConfigEntries(text: string, file: string): ConfigEntry[] {
  const entries: ConfigEntry[] = [];
  const around: { kind: "if" | "menu"; conditions: string[] }[] = [];
  let entry: { dependsOn: string[]; hasPrompt: boolean } | undefined;
  let helpIndent = -1;
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const number = at + 1;
    let line = lines[at]!;
    while (line.endsWith("\\") && at + 1 < lines.length) line = `${line.slice(0, -1)} ${lines[++at]!.trim()}`;
    const indent = line.length - line.trimStart().length;
    if (helpIndent >= 0 && (line.trim() === "" || indent > 0)) continue;
    helpIndent = -1;
    const words = line.replace(/\s#.*$/, "").trim();
    const config = /^(?:menu)?config\s+(\w+)$/.exec(words);
    if (config !== null) {
      entry = { dependsOn: around.flatMap((block) => block.conditions), hasPrompt: false };
      entries.push({ symbol: config[1]!, file, line: number, ...entry });
      // The pushed object shares the list; hasPrompt is set on it below.
      entry = entries.at(-1) as unknown as { dependsOn: string[]; hasPrompt: boolean };
    } else if (/^if\s/.test(words)) {
      around.push({ kind: "if", conditions: [words.slice(3).trim()] });
      entry = undefined;
    } else if (/^(menu|choice)\b/.test(words)) {
      around.push({ kind: "menu", conditions: [] });
      entry = undefined;
    } else if (/^(endif|endmenu|endchoice)\b/.test(words)) {
      around.pop();
      entry = undefined;
    } else if (/^depends on\s/.test(words)) {
      (entry?.dependsOn ?? around.at(-1)?.conditions ?? []).push(words.slice(10).trim());
    } else if (/^(help|---help---)$/.test(words)) {
      helpIndent = indent;
    } else if (/^(bool|tristate|string|int|hex|prompt)\s+["']/.test(words) && entry !== undefined) {
      entry.hasPrompt = true;
    } else if (/^(comment|source|mainmenu)\b/.test(words)) {
      entry = undefined;
    }
  }
  return entries;
}

/** 0, 1 or 2 for n, m or y. Text that is no expression counts as y: it is then not blamed. */
export function evaluateDependency(expression: string, config: KernelConfig): number {
  const tokens = expression.match(/"[^"]*"|'[^']*'|\$\([^)]*\)|\w+|&&|\|\||!=|<=|>=|[!()=<>]/g) ?? [];
  let at = 0;
  const text = (token: string): string => {
    if (/^["']/.test(token)) return token.slice(1, -1);
    if (/^[ymn]$/.test(token) || /^[0-9]/.test(token)) return token;
    return config.values.get(`CONFIG_${token}`) ?? "n";
  };
  const tristate = (value: string): number => (value === "y" ? 2 : value === "m" ? 1 : 0);
  const factor = (): number => {
    const token = tokens[at++];
    if (token === undefined) return 2;
    if (token === "!") return 2 - factor();
    if (token === "(") {
      const value = either();
      at++;
      return value;
    }
    // A macro such as $(cc-option,...): its value is not known here.
    if (token.startsWith("$")) return 2;
    const operator = tokens[at];
    if (operator === "=" || operator === "!=") {
      const right = tokens[at + 1] ?? "";
      at += 2;
      return (text(token) === text(right)) === (operator === "=") ? 2 : 0;
    }
    if (operator !== undefined && /^[<>]=?$/.test(operator)) {
      at += 2;
      return 2;
    }
    return tristate(text(token));
  };
  const both = (): number => {
    let value = factor();
    while (tokens[at] === "&&") {
      at++;
      value = Math.min(value, factor());
    }
    return value;
  };
  const either = (): number => {
    let value = both();
    while (tokens[at] === "||") {
      at++;
      value = Math.max(value, both());
    }
    return value;
  };
  return either();
}
