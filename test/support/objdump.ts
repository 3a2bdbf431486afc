import { spawnSync } from "node:child_process";
import { ToolError } from "../../src/base/errors.ts";

/** One executable section as `objdump -d` prints it. */
export interface DumpedSection {
  readonly name: string;
  readonly offset: number[];
  readonly size: number[];
  /** AT&T syntax, with the symbol comments cut off */
  readonly text: string[];
}

const maxOutput = 1 << 30;

/** The disassembly of every executable section, object by object, in the order of `paths` and of their section tables. */
export function disassemble(paths: readonly string[]): DumpedSection[][] {
  const command = ["objdump", "-d", "-z", "-w", ...paths];
  const run = spawnSync("objdump", command.slice(1), { maxBuffer: maxOutput, encoding: "latin1" });
  if (run.error !== undefined || run.status !== 0) {
    const code = run.error !== undefined && "code" in run.error && run.error.code === "ENOENT" ? "not-found" : "failed";
    throw new ToolError(code, "objdump did not disassemble; it is in the Debian package binutils", {
      command: command.slice(0, 4),
      exitCode: run.status,
      stderrTail: run.stderr,
      cause: run.error,
    });
  }
  const objects: DumpedSection[][] = [];
  let section: DumpedSection | undefined;
  const output = run.stdout;
  for (let from = 0; from < output.length; ) {
    let end = output.indexOf("\n", from);
    if (end < 0) end = output.length;
    const line = output.slice(from, end);
    from = end + 1;
    if (line.startsWith(" ")) {
      // "  12:\t48 89 e5             \tmov    %rsp,%rbp"
      const colon = line.indexOf(":\t");
      const tab = line.indexOf("\t", colon + 2);
      if (section === undefined || colon < 0) continue;
      const bytes = line.slice(colon + 2, tab < 0 ? undefined : tab).trimEnd();
      section.offset.push(parseInt(line.slice(0, colon), 16));
      section.size.push((bytes.length + 1) / 3);
      section.text.push(tab < 0 ? "(none)" : line.slice(tab + 1));
    } else if (line.startsWith("Disassembly of section ")) {
      section = { name: line.slice("Disassembly of section ".length, -1), offset: [], size: [], text: [] };
      objects.at(-1)?.push(section);
    } else if (line.includes(":     file format ")) {
      objects.push([]);
      section = undefined;
    }
  }
  return objects;
}
