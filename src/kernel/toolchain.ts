import { createHash } from "node:crypto";
import { ToolError } from "../base/errors.ts";
import type { BuildFolders, CompileCache } from "./kbuild.ts";
import { requireSuccess, runInBuild } from "./kbuild.ts";
import type { Profile } from "./profile.ts";
import type { Sandbox } from "./sandbox.ts";
import { keepToolchain, recallToolchain } from "./toolchain-memo.ts";

// What compiles, as the sandbox sees it. A package upgrade between two reviews must not let old results pass for new ones.

export interface Toolchain {
  /** Digest of paths, sizes, times and version lines of compiler, assembler, linker and make. */
  readonly id: string;
  /** First line of the compiler's --version, for people. */
  readonly compiler: string;
}

const SCRIPT = `
for tool in "$@" make sh ccache; do
  file=$(command -v "$tool") && file=$(readlink -f "$file") || continue
  printf '%s %s %s %s\\n' "$tool" "$file" "$(stat -Lc '%s %Y' "$file")" "$("$file" --version 2>/dev/null | head -n 1)"
done
cc1=$("$1" -print-prog-name=cc1 2>/dev/null) && [ -f "$cc1" ] && printf 'cc1 %s %s\\n' "$cc1" "$(stat -Lc '%s %Y' "$cc1")"
exit 0
`;

/**
 * Asks the tools of the profile inside the sandbox. `folders` are mounted as for a build, and not written.
 * @throws ToolError "not-found" that names the tools of the profile that are not there
 */
export async function identifyToolchain(
  sandbox: Sandbox,
  profile: Profile,
  folders: BuildFolders,
  compileCache?: CompileCache,
  signal?: AbortSignal,
  cacheDir?: string,
): Promise<Toolchain> {
  const { compiler } = profile;
  const cc = `${compiler.crossPrefix}${compiler.command}`;
  // LLVM=-22 means the tools of that suffix (Documentation/kbuild/llvm.rst).
  const suffix = compiler.llvm.startsWith("-") ? compiler.llvm : "";
  const tools =
    compiler.llvm === ""
      ? [cc, ...["as", "ld", "objcopy"].map((tool) => `${compiler.crossPrefix}${tool}`)]
      : [cc, ...["ld.lld", "llvm-objcopy"].map((tool) => `${tool}${suffix}`)];
  const asked = [...tools, "make", "sh", "ccache"];
  const kept = cacheDir === undefined ? undefined : recallToolchain(cacheDir, asked);
  if (kept !== undefined) return kept;
  const command = ["/bin/sh", "-c", SCRIPT, "sh", ...tools];
  const run = await runInBuild({ sandbox, profile, folders, compileCache, seconds: 60, signal }, command);
  requireSuccess(run, command, "asking the compiler for its version");
  const found = new Set(run.log.split("\n").map((line) => line.split(" ")[0]));
  const missing = tools.filter((tool) => !found.has(tool));
  if (missing.length > 0) throw new ToolError("not-found", notInstalled(missing), { command });
  const first = run.log.split("\n")[0] ?? "";
  const toolchain = {
    id: createHash("sha256").update(run.log).digest("hex").slice(0, 32),
    compiler: first.split(" ").slice(4).join(" ") || cc,
  };
  // "NAME FILE SIZE TIME VERSION..." a line; the sandbox shows the machine's own /usr.
  const files = run.log
    .split("\n")
    .flatMap((line) => (line.split(" ")[1]?.startsWith("/") === true ? [line.split(" ")[1]!] : []));
  if (cacheDir !== undefined) keepToolchain(cacheDir, asked, files, toolchain);
  return toolchain;
}

/** "clang-22, ld.lld-22 and llvm-objcopy-22 are not installed" */
function notInstalled(tools: readonly string[]): string {
  const last = tools.at(-1) as string;
  return tools.length === 1
    ? `${last} is not installed`
    : `${tools.slice(0, -1).join(", ")} and ${last} are not installed`;
}
