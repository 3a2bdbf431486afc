// The kernel configuration of a prepared build folder. `.config` and `include/config/auto.conf` have the same line form
// (scripts/kconfig/confdata.c): CONFIG_X=y|m|"text"|number, and "# CONFIG_X is not set" in `.config` alone.

export interface KernelConfig {
  /** Symbol with its CONFIG_ prefix -> value: "y", "m", a number, or a string without its quotes. Symbols that are off are absent. */
  readonly values: ReadonlyMap<string, string>;
  /** Built in (=y). */
  isOn(symbol: string): boolean;
  /** Built as a module (=m). */
  isModule(symbol: string): boolean;
}

const assignment = /^(CONFIG_[A-Za-z0-9_]+)=(.*)$/;

/** Reads the text of `.config` or `auto.conf`. Lines of another form are passed over, as kconfig itself does; a later line wins. */
export function readKernelConfig(text: string): KernelConfig {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = assignment.exec(line.trimEnd());
    if (match !== null) {
      const value = match[2]!;
      if (value === "n") values.delete(match[1]!);
      else values.set(match[1]!, value.startsWith('"') ? unquote(value) : value);
      continue;
    }
    const off = /^# (CONFIG_[A-Za-z0-9_]+) is not set$/.exec(line.trimEnd());
    if (off !== null) values.delete(off[1]!);
  }
  return {
    values,
    isOn: (symbol) => values.get(symbol) === "y",
    isModule: (symbol) => values.get(symbol) === "m",
  };
}

function unquote(value: string): string {
  const end = value.endsWith('"') && value.length > 1 ? value.length - 1 : value.length;
  return value.slice(1, end).replace(/\\(.)/g, "$1");
}
