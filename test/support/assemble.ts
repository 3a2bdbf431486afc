import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A relocatable object made by the installed compiler, and its path while `use` runs. */
function withObject<T>(source: string, suffix: string, args: readonly string[], use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "objreview-test-"));
  try {
    const input = join(folder, `input${suffix}`);
    const output = join(folder, "output.o");
    writeFileSync(input, source);
    execFileSync("gcc", [...args, "-c", "-o", output, input], { stdio: ["ignore", "ignore", "pipe"] });
    return use(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Object bytes and, for each readelf option asked for, its output. */
export interface BuiltObject {
  readonly bytes: Uint8Array;
  readonly readelf: ReadonlyMap<string, string>;
}

function build(source: string, suffix: string, args: readonly string[], options: readonly string[]): BuiltObject {
  return withObject(source, suffix, args, (path) => ({
    bytes: new Uint8Array(readFileSync(path)),
    readelf: new Map(
      options.map((option) => [
        option,
        execFileSync("readelf", [option, path], {
          encoding: "utf8",
          env: { ...process.env, LC_ALL: "C" },
          maxBuffer: 1 << 28,
        }),
      ]),
    ),
  }));
}

/** @param args of the compiler that calls the assembler */
export function assemble(source: string, options: readonly string[] = [], args: readonly string[] = []): BuiltObject {
  return build(source, ".s", args, options);
}

export function compile(
  source: string,
  args: readonly string[] = ["-O2"],
  options: readonly string[] = [],
): BuiltObject {
  return build(source, ".c", args, options);
}

/**
 * What `ld -r` makes of several sources, each a file of its own to the symbol table.
 * @param args of the compiler
 */
export function assembleLinked(sources: readonly string[], args: readonly string[] = []): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "objreview-test-"));
  try {
    const parts = sources.map((source, n) => {
      const part = join(folder, `part${n}.o`);
      writeFileSync(join(folder, `part${n}.s`), `\t.file "part${n}.c"\n${source}\n`);
      execFileSync("gcc", [...args, "-c", "-o", part, join(folder, `part${n}.s`)], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      return part;
    });
    const output = join(folder, "output.o");
    execFileSync("ld", ["-r", "-o", output, ...parts], { stdio: ["ignore", "ignore", "pipe"] });
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The object as `strip --strip-debug` leaves it: without debug sections, and without the symbols of source files. */
export function stripped(object: Uint8Array): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "objreview-test-"));
  try {
    const file = join(folder, "object.o");
    writeFileSync(file, object);
    execFileSync("strip", ["--strip-debug", file], { stdio: ["ignore", "ignore", "pipe"] });
    return new Uint8Array(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
