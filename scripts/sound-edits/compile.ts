import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { run } from "../setup/command.ts";

/** One object of a kernel build, as kbuild's .cmd file describes it. */
export interface BuiltObject {
  /** kernel/exit.o */
  readonly object: string;
  /** kernel/exit.c, relative to the source tree */
  readonly source: string;
  /** Headers of the source tree that it includes. */
  readonly headers: readonly string[];
  /** The compiler's command line, without what kbuild runs after it. */
  readonly command: string;
}

/** The objects of a build folder that were compiled from a .c or .S file of the tree for the kernel itself. */
export function readBuiltObjects(build: string, source: string): BuiltObject[] {
  const found: BuiltObject[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(build, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!/^(tools|scripts|usr|certs|source)$|vdso|realmode|x86\/boot$|purgatory|libstub/.test(path)) visit(path);
      } else if (/^\..*\.o\.cmd$/.test(entry.name)) {
        const text = readFileSync(join(build, path), "utf8");
        const command = /^savedcmd_\S+ := (gcc .*?)(?: ; .*)?$/m.exec(text)?.[1];
        const made = /^source_\S+ := (\S+)$/m.exec(text)?.[1];
        if (command === undefined || made === undefined || !made.startsWith(`${source}/`)) continue;
        const headers = [...text.matchAll(/^ {2}(\/\S+\.h) \\$/gm)].flatMap((match) =>
          match[1]!.startsWith(`${source}/`) ? [relative(source, match[1]!)] : [],
        );
        found.push({ object: join(folder, entry.name.slice(1, -4)), source: relative(source, made), headers, command });
      }
    }
  };
  visit("");
  return found.sort((a, b) => (a.object < b.object ? -1 : 1));
}

const objtoolFlags =
  "--hacks=jump_label,noinstr,skylake --ibt --orc --retpoline --rethunk --static-call --uaccess --prefix=16 --link".split(
    " ",
  );

/**
 * Compiles an object with some files of the tree replaced, beside the build folder and not in it, and asks the tree's own objtool about it
 * where the build has one.
 * @returns what objtool says, sorted and without addresses; undefined when it does not compile
 */
export async function compileEdited(
  build: string,
  source: string,
  made: BuiltObject,
  files: ReadonlyMap<string, string | undefined>,
  scratch: string,
): Promise<string[] | undefined> {
  const overlay = join(scratch, "overlay");
  for (const [file, text] of files) {
    if (text === undefined) continue;
    await mkdir(dirname(join(overlay, file)), { recursive: true });
    await writeFile(join(overlay, file), text);
  }
  // Beside the edited headers, so that "../other.h" leads to them.
  if (!files.has(made.source)) {
    await mkdir(dirname(join(overlay, made.source)), { recursive: true });
    await copyFile(join(source, made.source), join(overlay, made.source));
  }
  const object = join(scratch, "edited.o");
  // A header is found first in the overlay; a source finds the headers beside it in its old folder.
  const roots = ["arch/x86/include", "include", "arch/x86/include/uapi", "include/uapi"].map(
    (root) => `-I${join(overlay, root)}`,
  );
  const command = made.command
    .replace(/-Wp,-MMD,\S+/, `-Wp,-MMD,${join(scratch, "edited.d")}`)
    .replace(/-o \S+/, `-o ${object}`)
    .replace(" -nostdinc ", ` -nostdinc ${roots.join(" ")} -iquote ${join(source, dirname(made.source))} `)
    .replace(join(source, made.source), join(overlay, made.source));
  try {
    await run("sh", ["-c", command], { cwd: build });
  } catch {
    return undefined;
  }
  // A header that was found in the tree after all was not tried.
  const read = await readFile(join(scratch, "edited.d"), "utf8");
  const changed = [...files].flatMap(([file, text]) => (text === undefined ? [] : [file]));
  if (changed.length > 0 && !changed.some((file) => reads(read, overlay, file))) return undefined;
  const objtool = join(build, "tools/objtool/objtool");
  if (!existsSync(objtool)) return [];
  const said = await run("sh", ["-c", '"$@" 2>&1 || :', "sh", objtool, ...objtoolFlags, object]);
  return said
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/^.*objtool: /, "").replace(/\+0x[0-9a-f]+/g, ""))
    .sort();
}

/** Whether a dependency file (gcc -MMD) names a file of the overlay, maybe by way of "..". */
function reads(dependencies: string, overlay: string, file: string): boolean {
  return dependencies.split(/[\s\\]+/).some((path) => path.startsWith("/") && resolve(path) === join(overlay, file));
}
