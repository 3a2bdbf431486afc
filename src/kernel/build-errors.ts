// What a failed or noisy build says, as file, line and text. Reads the output of `make -k -Otarget` under LC_ALL=C, where the
// output of one recipe stands in one piece: a progress line ("  CC      kernel/fork.o"), the compiler's diagnostics, and
// make's own "*** [scripts/Makefile.build:234: kernel/fork.o] Error 1". The text is hostile: it is matched line by line, every
// list is capped, and nothing in it names a file outside the source tree that is then opened.

interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Diagnostic {
  /** Path in the source tree ("kernel/fork.c"), or as printed where it is not below it. */
  readonly file: string;
  /** 1-based; 0: the tool gave none. */
  readonly line: number;
  readonly text: string;
  /** The places that led there, those that say most first: expansions of macros, inlined functions, inclusions; each innermost first. */
  readonly via: readonly Place[];
  readonly severity: "error" | "warning";
  /** The compiler's own name of the warning, "-Wunused-function". */
  readonly option: string | undefined;
}

export interface BuildLog {
  /** Objects that a make rule gave up on, with what was printed for them. */
  readonly failed: ReadonlyMap<string, readonly Diagnostic[]>;
  /** Errors that stopped make itself or a step that all objects need. */
  readonly general: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** A compiler process was killed from outside (out of memory, file too large). */
  readonly toolKilled: boolean;
}

const MAX_DIAGNOSTICS = 2000;
const MAX_TEXT = 400;
const MAX_VIA = 40;

// "FILE:LINE[:COLUMN]: [fatal ]error: text [-Woption]" of gcc, clang and cpp.
const diagnosticLine = /^([^\s:][^:\n]*):(\d+)(?::\d+)?: (fatal error|error|warning|note): (.*)$/;
// "FILE:LINE: Error: text" of GNU as.
const assemblerLine = /^([^\s:][^:\n]*):(\d+): (Error|Warning|Fatal error): (.*)$/;
const includedLine = /^(?:In file included from|\s+from) ([^:\n]+):(\d+)(?::\d+)?[,:]$/;
const inlinedLine = /^\s+inlined from '[^'\n]*' at ([^:\n]+):(\d+)(?::\d+)?[,:]$/;
/** A note that is a step on the way, and not another place that the message speaks of. */
const expansionNote = /^(?:in expansion of macro|in definition of macro|expanded from macro) /;
// make: "make[4]: *** [FILE:LINE: TARGET] Error 1" / "No rule to make target 'X'" / "FILE:LINE: *** text.  Stop."
const recipeFailed = /^make(?:\[\d+\])?: \*\*\* \[[^\]\n]*?:\d+: ([^\]\n]+)\] (Error \d+|.*)$/;
const noRule = /^make(?:\[\d+\])?: \*\*\* No rule to make target '([^'\n]+)'(?:, needed by '([^'\n]+)')?/;
const makefileError = /^([^\s:][^:\n]*):(\d+): \*\*\* (.*)$/;
const progressLine = /^ {2}[A-Z][A-Z0-9_ ]{0,8}(?:\[M\])? +(\S+)$/;
const toolKilledLine =
  /Killed signal terminated program|internal compiler error: Killed|File size limit exceeded|Cannot allocate memory|out of memory allocating|virtual memory exhausted/;

/** Reads a build log. `sourceDir` is where the source was mounted during the build; paths below it become relative. */
export function readBuildLog(text: string, sourceDir: string): BuildLog {
  const failed = new Map<string, Diagnostic[]>();
  const general: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  let toolKilled = false;
  let pending: Diagnostic[] = [];
  let includes: Place[] = [];
  let inlined: Place[] = [];
  let last: { via: Place[]; expansions: number } | undefined;
  let count = 0;

  const relative = (file: string): string => {
    const prefix = `${sourceDir}/`;
    const path = file.startsWith(prefix) ? file.slice(prefix.length) : file;
    return path.replace(/^\.\//, "");
  };
  const add = (severity: "error" | "warning", file: string, line: number, raw: string): void => {
    if (count++ >= MAX_DIAGNOSTICS) return;
    const option = / \[(-W[a-z0-9=+-]+)\]$/i.exec(raw);
    const body = option === null ? raw : raw.slice(0, option.index);
    const own = { via: [...inlined, ...includes].slice(0, MAX_VIA), expansions: 0 };
    const diagnostic: Diagnostic = {
      file: relative(file),
      line,
      text: body.slice(0, MAX_TEXT),
      via: own.via,
      severity,
      option: option?.[1]?.replace(/^-Werror=/, "-W"),
    };
    includes = [];
    inlined = [];
    last = own;
    if (severity === "warning") warnings.push(diagnostic);
    else pending.push(diagnostic);
  };

  for (const line of text.split("\n")) {
    if (toolKilledLine.test(line)) toolKilled = true;
    const included = includedLine.exec(line);
    if (included !== null) {
      if (includes.length < MAX_VIA) includes.push({ file: relative(included[1]!), line: Number(included[2]) });
      continue;
    }
    const caller = inlinedLine.exec(line);
    if (caller !== null) {
      if (inlined.length < MAX_VIA) inlined.push({ file: relative(caller[1]!), line: Number(caller[2]) });
      continue;
    }
    const progress = progressLine.exec(line);
    if (progress !== null) {
      general.push(...pending);
      pending = [];
      includes = [];
      inlined = [];
      last = undefined;
      continue;
    }
    const makefile = makefileError.exec(line);
    if (makefile !== null) {
      add("error", makefile[1]!, Number(makefile[2]), makefile[3]!.replace(/\s+Stop\.$/, ""));
      general.push(...pending);
      pending = [];
      continue;
    }
    const diagnostic = diagnosticLine.exec(line);
    if (diagnostic !== null) {
      const [, file, number, kind, body] = diagnostic;
      if (kind === "note") {
        if (last !== undefined && last.via.length < 2 * MAX_VIA && expansionNote.test(body!))
          last.via.splice(last.expansions++, 0, { file: relative(file!), line: Number(number) });
      } else {
        add(kind === "warning" ? "warning" : "error", file!, Number(number), body!);
      }
      continue;
    }
    const assembler = assemblerLine.exec(line);
    if (assembler !== null) {
      add(assembler[3] === "Warning" ? "warning" : "error", assembler[1]!, Number(assembler[2]), assembler[4]!);
      continue;
    }
    const missing = noRule.exec(line);
    if (missing !== null) {
      const target = missing[1]!;
      const needed = missing[2];
      add(
        "error",
        target,
        0,
        needed === undefined ? "make has no rule for it" : `make has no rule for it, ${needed} needs it`,
      );
      attach(failed, target.endsWith(".o") ? target : (needed ?? target), pending);
      pending = [];
      continue;
    }
    const recipe = recipeFailed.exec(line);
    if (recipe !== null) {
      const target = recipe[1]!;
      if (target.endsWith(".o")) {
        if (pending.length === 0 && !failed.has(target))
          add("error", target, 0, `the command for it failed: ${recipe[2]}`);
        attach(failed, target, pending);
      } else {
        general.push(...pending);
      }
      pending = [];
      includes = [];
      inlined = [];
      last = undefined;
    }
  }
  general.push(...pending);
  return { failed, general, warnings: uniqueDiagnostics(warnings), toolKilled };
}

function attach(failed: Map<string, Diagnostic[]>, target: string, diagnostics: readonly Diagnostic[]): void {
  const list = failed.get(target);
  if (list === undefined) failed.set(target, [...diagnostics]);
  else list.push(...diagnostics);
}

/** A header's warning is printed once for each object that includes it; people need it once. */
function uniqueDiagnostics(list: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const item of list) {
    const key = `${item.file}\n${item.line}\n${item.text}`;
    if (!seen.has(key)) seen.set(key, item);
  }
  return [...seen.values()];
}

/**
 * The diagnostic at the place where a reader of the patch should look: its own where the patch touches that file, else the first
 * place on the way there (include chain, macro expansion) that the patch touches, its text naming where the compiler said it.
 * @param touched paths that the patch touches, in the source tree
 */
export function placeOnPatch(diagnostic: Diagnostic, touched: ReadonlySet<string>): Diagnostic {
  const { file, line, text, via } = diagnostic;
  if (touched.has(file)) return diagnostic;
  const step = via.find((place) => touched.has(place.file));
  if (step === undefined) return diagnostic;
  return { ...diagnostic, file: step.file, line: step.line, text: `${text} (said at ${file}:${line})` };
}

/** Warnings of head that base does not have. Lines move with the patch, so file, text and option decide, counted. */
export function newWarnings(base: readonly Diagnostic[], head: readonly Diagnostic[]): Diagnostic[] {
  const key = (item: Diagnostic): string => `${item.file}\n${item.option ?? ""}\n${item.text}`;
  const left = new Map<string, number>();
  for (const item of base) left.set(key(item), (left.get(key(item)) ?? 0) + 1);
  return head.filter((item) => {
    const count = left.get(key(item)) ?? 0;
    if (count > 0) left.set(key(item), count - 1);
    return count === 0;
  });
}

/** The last `lines` lines, each at most 300 characters, for people. */
export function logTail(text: string, lines = 20): string {
  return (
    text
      .trimEnd()
      .split("\n")
      // make repeats these for every goal and every level.
      .filter(
        (line) =>
          !/^make(\[\d+\])?: (Target '.*' not remade because of errors\.|Entering directory|Leaving directory)/.test(
            line,
          ),
      )
      .slice(-lines)
      .map((line) => line.slice(0, 300))
      .join("\n")
  );
}
