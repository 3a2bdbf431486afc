import { mkdirSync, rmSync } from "node:fs";
import { keepFile, readBuilt } from "./collect.ts";
import { runInBuild, type SandboxedRun } from "./kbuild.ts";
import { withMountedFile } from "./mounted-file.ts";
import type { Mount } from "./sandbox.ts";
import { type CompileCommand, type CompileOption, quoteWord, quoteWords } from "./trial-command.ts";
import { type Compiler, withoutUnknown } from "./trial-flags.ts";

// Compiling one source in other ways, in the sandbox of a build: nothing that comes of it goes anywhere but to the folder of the trials.

export interface TrialPlace extends Pick<SandboxedRun, "folders" | "profile" | "sandbox" | "signal"> {
  /** A folder of ours beside the build folders; made anew by each call, and gone behind it. */
  readonly scratchDir: string;
  /** Where objects are kept, outside the sandbox's reach. */
  readonly collectDir: string;
  /** Compiles at a time. */
  readonly jobs: number;
}

/** One way to compile it. */
export interface TrialWay {
  readonly compiler: Compiler;
  readonly options: readonly CompileOption[];
  /** What differs, in the words that are told. */
  readonly flags: readonly string[];
}

export type TrialObject =
  | { readonly kind: "built"; readonly file: string }
  /** One line: why there is no object. */
  | { readonly kind: "failed"; readonly why: string };

/** A compiler that complains of options is asked again without them, so many times. */
const MOST_ROUNDS = 4;
/** What one compile may take. */
const COMPILE_SECONDS = 120;
const MAX_LOG_BYTES = 1 << 20;

/** One answer a way, in their order. Whatever happens to a compile is an answer; `millis` is what is left for all of them. */
export async function compileTrials(
  place: TrialPlace,
  { source }: CompileCommand,
  ways: readonly TrialWay[],
  millis: number,
): Promise<TrialObject[]> {
  const until = performance.now() + millis;
  const answers: (TrialObject | undefined)[] = ways.map(() => undefined);
  let open = ways.map((way, n) => ({ n, options: way.options }));
  for (let round = 0; round < MOST_ROUNDS && open.length > 0; round++) {
    const left = Math.floor((until - performance.now()) / 1000);
    if (left < 1) break;
    const next: typeof open = [];
    const asked = open;
    await inScratch(place, async (scratch, mount) => {
      const commands = asked.map(({ n, options }) =>
        quoteWords([ways[n]!.compiler.program, ...options.flat(), "-c", "-o", `${TRIAL_MOUNT}/${n}.o`, source]),
      );
      const log = await runAll(
        place,
        mount,
        asked.map(({ n }) => String(n)),
        commands,
        left,
      );
      for (const { n, options } of asked) {
        const answer = readTrial(place, scratch, n);
        if (answer.kind === "built" || answer.log === undefined) {
          answers[n] = answer.kind === "built" ? answer : { kind: "failed", why: log };
          continue;
        }
        const fewer = ways[n]!.flags.length > 0 ? undefined : withoutUnknown(options, answer.log);
        answers[n] = { kind: "failed", why: answer.why };
        if (fewer !== undefined) next.push({ n, options: fewer });
      }
    });
    open = next;
  }
  return answers.map((answer) => answer ?? { kind: "failed", why: "no time was left for it" });
}

/** Where the compiles write to, inside the sandbox. */
export const TRIAL_MOUNT = "/objreview/new";
const SCRIPT_MOUNT = "/objreview/trials.mk";

/** Gives `use` an empty folder and its mount. */
export async function inScratch<T>(place: TrialPlace, use: (scratch: string, mount: Mount) => Promise<T>): Promise<T> {
  const { scratchDir } = place;
  rmSync(scratchDir, { recursive: true, force: true });
  mkdirSync(scratchDir, { recursive: true });
  try {
    return await use(scratchDir, { source: scratchDir, target: TRIAL_MOUNT, mode: "rw" });
  } finally {
    rmSync(scratchDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Runs the commands, each with its messages in NAME.log and an empty NAME.done if it ended well. Returns how the run as a whole ended, for people. */
export async function runAll(
  place: TrialPlace,
  mount: Mount,
  names: readonly string[],
  commands: readonly string[],
  seconds: number,
): Promise<string> {
  const rules = names.map((name, n) => {
    const out = `${TRIAL_MOUNT}/${name}`;
    const command = `timeout -k 5 ${COMPILE_SECONDS} ${commands[n]!}`.replaceAll("$", "$$$$");
    return `.PHONY: ${name}\n${name}:\n\t@${command} >${quoteWord(`${out}.log`)} 2>&1 && : >${quoteWord(`${out}.done`)}\n`;
  });
  const makefile = `all: ${names.join(" ")}\n${rules.join("")}`;
  return withMountedFile(makefile, SCRIPT_MOUNT, async (script) => {
    const { folders, profile, sandbox, signal } = place;
    const run = { folders, profile, sandbox, signal, readsOnly: true, seconds, mounts: [script, mount] };
    const command = ["make", "-rR", "-k", "-s", `-j${place.jobs}`, "-f", SCRIPT_MOUNT, "all"];
    const { outcome } = await runInBuild(run, command);
    return outcome === "exited" ? "the compiler gave no object" : `the compiles were stopped: ${outcome}`;
  });
}

export type TrialAnswer =
  | { readonly kind: "built"; readonly file: string }
  /** `log` is undefined where the compiler was not heard to its end. */
  | { readonly kind: "failed"; readonly why: string; readonly log: string | undefined };

export function readTrial(place: TrialPlace, scratch: string, n: number): TrialAnswer {
  const most = place.profile.limits.objectMebibytes << 20;
  const isDone = readBuilt(scratch, `${n}.done`, 0).kind === "file";
  const object = isDone ? readBuilt(scratch, `${n}.o`, most) : undefined;
  if (object?.kind === "file") return { kind: "built", file: keepFile(place.collectDir, `${n}.o`, object.bytes) };
  const log = readBuilt(scratch, `${n}.log`, MAX_LOG_BYTES);
  if (log.kind !== "file") return { kind: "failed", why: "", log: undefined };
  const text = new TextDecoder().decode(log.bytes);
  return { kind: "failed", why: firstError(text), log: text };
}

/** The first error in one line for people, without the sandbox's folders. */
function firstError(log: string): string {
  const lines = log.split("\n").map((line) => line.trim());
  const line = lines.find((each) => /\berror:/i.test(each)) ?? lines.find((each) => each !== "");
  if (line === undefined) return "the compiler gave no object, and says nothing";
  const clean = line.replace(/\/objreview\/(?:src|out|new)\//g, "").replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return `it does not compile: ${clean.slice(0, 160)}`;
}
