import { ToolError } from "../base/errors.ts";
import type { BuildResult } from "../kernel/build.ts";
import type { Profile } from "../kernel/profile.ts";
import type { Series } from "../patch/series.ts";
import { fileKind } from "../patch/touched.ts";
import { ReviewStop } from "./request.ts";

// What a step of the build that fails before any object is built says of the series.

/** Programs that run code of the tree in the sandbox; a failure of any other one is ours. */
const TREE_PROGRAMS = new Set(["make", "/bin/sh"]);

/**
 * A failing step of the base: cancelled, or inconclusive with the reason. What is no failure of the tree's code is returned as it is.
 * @param what the step, "the base cannot be configured or prepared"
 */
export function stopOfBase(error: unknown, profile: Profile, what: string): unknown {
  if (!isOfTree(error)) return error;
  if (error.code === "cancelled") return new ReviewStop("cancelled", "the review was cancelled");
  // Nothing of the tree ran: what the profile compiles with is not there.
  const said = error.code === "not-found" ? error.message : `${what}: ${describe(error)}`;
  return new ReviewStop("inconclusive", `${profile.name}: ${said}`);
}

/**
 * The same of the patched tree: when the series touches build rules or configuration and the step ends with an error, the series broke it.
 */
export function stopOfHead(error: unknown, profile: Profile, series: Series): unknown {
  if (!isOfTree(error)) return error;
  const touching = series.patches.flatMap((patch, index) =>
    patch.files.some((file) => decidesBuild(file.path)) ? [index] : [],
  );
  if (error.code !== "failed" || touching.length === 0)
    return stopOfBase(error, profile, "the build rules of the patched tree cannot be evaluated");
  const place = firstPlace(error.stderrTail);
  const file = place?.file ?? "";
  const own = touching.filter((index) => series.patches[index]?.files.some((f) => f.path === file));
  const suspects = own.length > 0 ? own : touching;
  const patch = suspects.length === 1 ? (suspects[0] as number) : undefined;
  const text = place?.text ?? describe(error);
  return new ReviewStop("broken", place === undefined ? text : `${file}:${place.line}: ${text}`, {
    broken: {
      ...(patch === undefined
        ? {}
        : { patch: { number: patch + 1, subject: (series.patches[patch] as { title: string }).title } }),
      object: "the configuration",
      file,
      line: place?.line ?? 0,
      error: text,
      profile: profile.name,
    },
  });
}

/** Ends the review where a build was ended from outside: cancelled, or over one of its limits. */
export function stopUnlessDone(result: BuildResult, what: string): void {
  if (result.outcome === "done") return;
  if (result.outcome === "cancelled") throw new ReviewStop("cancelled", "the review was cancelled");
  throw new ReviewStop("inconclusive", `building ${what} was ended: ${OUTCOMES[result.outcome]}`);
}

const OUTCOMES: Readonly<Record<Exclude<BuildResult["outcome"], "done" | "cancelled">, string>> = {
  "timed-out": "it took longer than the profile allows",
  "out-of-memory": "it needed more memory than the profile allows",
  "too-many-processes": "it started more processes than the profile allows",
  "output-too-big": "it printed more than the profile allows",
  "scratch-too-big": "it wrote more than the profile allows",
  killed: "it was killed",
};

function isOfTree(error: unknown): error is ToolError {
  return error instanceof ToolError && TREE_PROGRAMS.has(error.command[0] ?? "");
}

function decidesBuild(path: string): boolean {
  const kind = fileKind(path);
  return kind === "kbuild" || kind === "kconfig" || path.startsWith("scripts/");
}

/** "make x86_64_defconfig: exit status 2: net/Kconfig:7: syntax error" */
function describe(error: ToolError): string {
  const place = firstPlace(error.stderrTail);
  const last = error.stderrTail.trim().split("\n").at(-1) ?? "";
  const said = place === undefined ? last : `${place.file}:${place.line}: ${place.text}`;
  const message = error.message.split("\n")[0] as string;
  return said === "" ? message : `${message}: ${said}`;
}

/** The first "file:line: text" of a log: scripts/kconfig and make print their errors so. */
function firstPlace(log: string): { file: string; line: number; text: string } | undefined {
  for (const line of log.split("\n").slice(-40)) {
    const found = /^(?:\.\.\/)*(?:\/objreview\/src\/)?([\w@.+/-]{1,200}):(\d{1,7}): (?:\*\*\* )?(\S.{0,300})$/.exec(
      line,
    );
    if (found !== null) return { file: found[1] as string, line: Number(found[2]), text: found[3] as string };
  }
  return undefined;
}
