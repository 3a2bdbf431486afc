import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Compiler, compilerName, parseCompiler } from "../../src/defects/compiler.ts";
import type { KnownDefect } from "../../src/defects/defect.ts";
import { isSeenIn } from "../../src/defects/index.ts";
import { readRepositoryFile } from "./repository.ts";

/** Compilers of this machine that pages name "gcc" or "clang", with who they are. */
export function installed(name: string): { readonly command: string; readonly compiler: Compiler }[] {
  const commands = name === "gcc" ? ["gcc", "gcc-12"] : ["clang-19", "clang-22"];
  const found = new Map<string, { command: string; compiler: Compiler }>();
  for (const command of commands) {
    const { stdout, error } = spawnSync(command, ["--version"], { encoding: "utf8" });
    const compiler = error === undefined ? parseCompiler(stdout.split("\n")[0] as string) : undefined;
    if (compiler !== undefined && !found.has(compilerName(compiler)))
      found.set(compilerName(compiler), { command, compiler });
  }
  return [...found.values()];
}

/** The assembler that gcc runs. */
function installedGas(): Compiler | undefined {
  const words = spawnSync("as", ["--version"], { encoding: "utf8" }).stdout?.split("\n")[0] ?? "";
  const version = /(\d+\.\d+)(?:\.\d+)*$/.exec(words)?.[1];
  return version === undefined ? undefined : { family: "gas", version };
}

/** What a page of src/defects has to be compiled, and how. */
export interface Reproducer {
  readonly file: string;
  readonly source: string;
  /** "gcc" or "clang" */
  readonly name: string;
  readonly options: readonly string[];
}

export function reproducerOf(id: string): Reproducer {
  const page = readRepositoryFile(`src/defects/${id}.md`);
  const [, language, source] = /^```(c|asm)\n([\s\S]*?)^```$/m.exec(page)!;
  const [, name, options] = /^```sh\n(gcc|clang) (.*)\n/m.exec(page)!;
  assert.match(page, /^objreview check --witnesses --known-defects show f\.o\n```$/m);
  return {
    file: language === "c" ? "f.c" : "f.s",
    source: source as string,
    name: name as string,
    options: (options as string).split(" "),
  };
}

/** Compiles it in `folder`, as the page says. @returns path of the object */
export function compileReproducer(folder: string, command: string, { file, source, options }: Reproducer): string {
  writeFileSync(join(folder, file), source);
  execFileSync(command, options, { cwd: folder, stdio: "pipe" });
  return join(folder, "f.o");
}

/** Who of this machine shows a defect: the compiler to run, and the tool that the defect is of. */
export function toolsWith(defect: KnownDefect): { readonly command: string; readonly tool: Compiler }[] {
  return installed(reproducerOf(defect.id).name).flatMap(({ command, compiler }) => {
    const tool = defect.tool === "gas" ? installedGas() : compiler;
    return tool !== undefined && isSeenIn(defect, tool) ? [{ command, tool }] : [];
  });
}
