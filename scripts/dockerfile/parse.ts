// A Dockerfile into stages of instructions: the part of the language that ours uses, and an error for anything else.
// Source: docs.docker.com, "Dockerfile reference".

export interface Instruction {
  readonly name: string;
  /** 1-based line on which it begins. */
  readonly line: number;
  /** "--from=packages" -> ["from", "packages"] */
  readonly flags: ReadonlyMap<string, string>;
  /** What stands behind name and flags, continued lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const KNOWN = new Set([
  "FROM",
  "RUN",
  "COPY",
  "WORKDIR",
  "USER",
  "ENV",
  "ARG",
  "ENTRYPOINT",
  "CMD",
  "HEALTHCHECK",
  "EXPOSE",
  "VOLUME",
]);

/** Throws Error, with the line, for what it does not know. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  const lines = text.split("\n");
  for (let n = 0; n < lines.length; n++) {
    if (/^\s*(#.*)?$/.test(lines[n]!)) continue;
    const line = n + 1;
    let whole = lines[n]!;
    while (whole.endsWith("\\")) {
      n++;
      // A comment between continued lines is no part of them.
      if (!/^\s*#/.test(lines[n] ?? "")) whole = `${whole.slice(0, -1)}${lines[n] ?? ""}`;
    }
    const match = /^([A-Z]+)\s+((?:--[a-z-]+=\S+\s+)*)(.+)$/s.exec(whole.trim());
    if (match === null || !KNOWN.has(match[1]!))
      throw new Error(`Dockerfile:${line}: ${whole.slice(0, 60)}: not known here`);
    const flags = new Map(
      match[2]!
        .trim()
        .split(/\s+/)
        .filter((flag) => flag !== "")
        .map((flag) => flag.slice(2).split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
    const instruction = { name: match[1]!, line, flags, text: match[3]!.trim() };
    if (instruction.name === "FROM") {
      const from = /^(\S+)(?: AS (\S+))?$/i.exec(instruction.text);
      if (from === null) throw new Error(`Dockerfile:${line}: FROM ${instruction.text}`);
      stages.push({ image: from[1]!, name: from[2], instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`Dockerfile:${line}: ${instruction.name} before FROM`);
      stage.instructions.push(instruction);
    }
  }
  return stages;
}

/** The exec form, a JSON array; undefined for the shell form. */
export function execForm(text: string): readonly string[] | undefined {
  return text.startsWith("[") ? (JSON.parse(text) as string[]) : undefined;
}

/** NAME=value pairs of ENV and ARG; values may be in double quotes. */
export function pairs(text: string): [name: string, value: string][] {
  return [...text.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(([, name, value]) => [
    name!,
    value!.startsWith('"') ? (JSON.parse(value!) as string) : value!,
  ]);
}
