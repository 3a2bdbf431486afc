import { execFile, execFileSync } from "node:child_process";
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { STB_GLOBAL, STB_LOCAL, STB_WEAK } from "../../src/elf/constants.ts";
import { openObject } from "../../src/elf/object.ts";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { isNoinstrSection } from "../../src/flow/text-classes.ts";
import type { KernelBuild } from "./build.ts";
import type { ObjectModel } from "./object-model.ts";
import { linkerOf } from "./raw.ts";
import { openTheirTool, type TheirReport, type TheirTool } from "./their-tool.ts";

const run = promisify(execFile);

/**
 * Their tool over single objects. It judges calls out of uninstrumented code by the callee's section, which an object alone does not say of
 * others' functions: those that the kernel has in such sections get a stand-in, linked behind the object, whose offsets stay as they are. Ours
 * is told the same by `outside`.
 */
export class Tools {
  readonly outside: Outside;
  readonly #plain: TheirTool;
  readonly #completed: TheirTool;
  readonly #noinstr: ReadonlySet<string>;
  readonly #build: KernelBuild;
  readonly #isCompleted: boolean;
  readonly #scratch: string;
  readonly #standIns = new Map<string, string | undefined>();

  /** @param linked vmlinux.o of this build or of one much like it; without one nothing is said of calls out of uninstrumented code */
  constructor(build: KernelBuild, linked: string | undefined, scratch: string) {
    this.#build = build;
    this.#scratch = scratch;
    this.#plain = openTheirTool(build, "object");
    this.#completed = openTheirTool(build, "completed");
    this.#isCompleted = build.checks.noinstr && linked !== undefined;
    const { noinstr, defined } = this.#isCompleted ? readPlaces(linked as string) : nowhere;
    this.#noinstr = noinstr;
    this.outside = {
      ...nothingOutside,
      isNoinstr: (symbol) => (noinstr.has(symbol) ? true : defined.has(symbol) ? false : undefined),
      isOverridden: (symbol) => noinstr.has(symbol),
      isFunction: (symbol) => (noinstr.has(symbol) ? true : undefined),
      // What the stand-ins do.
      untraining: (symbol) => (noinstr.has(symbol) ? "returns-first" : undefined),
    };
  }

  get flags(): readonly string[] {
    return (this.#isCompleted ? this.#completed : this.#plain).flags;
  }

  async run(model: ObjectModel, path: string): Promise<TheirReport[]> {
    if (!this.#isCompleted) return await this.#plain.run(path, model.isModule);
    const reports = await this.#runCompleted(model, path);
    return reports.filter((report) => this.#isDecided(model, report));
  }

  /** Theirs takes a callee that nobody defines for an instrumented one: the object lacks it, and the kernel that was named does too. */
  #isDecided(model: ObjectModel, { text }: TheirReport): boolean {
    const callee = /^call to (\S+?)\(\) leaves \S+ section$/.exec(text)?.[1];
    if (callee === undefined || this.outside.isNoinstr(callee) !== undefined) return true;
    return model.keysOfName(callee, 0).length > 0;
  }

  async #runCompleted(model: ObjectModel, path: string): Promise<TheirReport[]> {
    const standIns = this.#standInsFor(model);
    if (standIns === undefined) return await this.#completed.run(path, model.isModule);
    const linked = `${path}.linked.o`;
    const [linker, ...options] = linkerOf(this.#build) as [string, ...string[]];
    try {
      await run(linker, [...options, "-r", "-o", linked, path, standIns], { cwd: this.#scratch });
    } catch {
      // A mutant that cannot be linked is judged without what lies in the stand-ins' section.
      return await this.#plain.run(path, model.isModule);
    }
    const reports = await this.#completed.run(linked, model.isModule);
    unlinkSync(linked);
    return reports;
  }

  #standInsFor(model: ObjectModel): string | undefined {
    if (this.#standIns.has(model.name)) return this.#standIns.get(model.name);
    const { symbols, symbolName } = model.code.object;
    const names: string[] = [];
    for (let s = 1; s < symbols.length; s++)
      if (
        this.#noinstr.has(symbolName[s] as string) &&
        (symbols.section[s] === NONE || symbols.binding[s] === STB_WEAK)
      )
        names.push(symbolName[s] as string);
    const path = names.length === 0 ? undefined : join(this.#scratch, `${model.name.replaceAll("/", "_")}.stand-ins.o`);
    if (path !== undefined) assemble(names, this.#build, path);
    this.#standIns.set(model.name, path);
    return path;
  }
}

function assemble(names: readonly string[], build: KernelBuild, path: string): void {
  const leave = build.checks.returnThunk ? "jmp __x86_return_thunk" : "ret";
  const bodies = names.map(
    (name) => `.globl ${name}\n.type ${name}, @function\n${name}: endbr64\n${leave}\nint3\n.size ${name}, .-${name}\n`,
  );
  const source = `${path}.s`;
  writeFileSync(source, `.section .noinstr.text,"ax"\n${bodies.join("")}.section .note.GNU-stack,"",@progbits\n`);
  execFileSync("as", ["--64", "-o", path, source]);
  unlinkSync(source);
}

interface Places {
  readonly noinstr: ReadonlySet<string>;
  readonly defined: ReadonlySet<string>;
}
const nowhere: Places = { noinstr: new Set(), defined: new Set() };

/** Names that the linked kernel defines, and those of them that lie in sections without instrumentation. */
function readPlaces(path: string): Places {
  const object = openObject(bytesSource(readFileSync(path)));
  const noinstr = new Set<string>();
  const defined = new Set<string>();
  const { symbols, symbolName } = object;
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbols.binding[s] === STB_LOCAL) continue;
    defined.add(symbolName[s] as string);
    // The strong one takes the place of weak ones in other objects, too.
    if (symbols.binding[s] === STB_GLOBAL && isNoinstrSection(object.sectionName[section] as string))
      noinstr.add(symbolName[s] as string);
  }
  return { noinstr, defined };
}
