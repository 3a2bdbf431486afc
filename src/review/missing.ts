import type { NotBuilt } from "../kernel/affected.ts";
import { type ConfigEntry, readConfigEntries } from "../kernel/kconfig-text.ts";
import type { ExcludedUnit } from "../kernel/membership.ts";
import type { Profile } from "../kernel/profile.ts";
import type { Tree } from "../kernel/tree.ts";
import { explainNotBuilt, findConditions } from "../kernel/unmet.ts";
import type { ProfileBuild } from "./profile-build.ts";

/** A touched source that a profile does not build, with the condition that it would take. */
export interface MissingFile {
  readonly file: string;
  readonly why: string;
  /** Another configuration of the same architecture may build it. */
  readonly mayBeBuilt: boolean;
}

const KBUILD_NAMES = ["Kbuild", "Makefile"] as const;

/** Says why, naming the line of the Makefile and the dependencies that do not hold. */
export async function explainMissing(
  notBuilt: readonly NotBuilt[],
  build: ProfileBuild,
  tree: Tree,
  commit: string,
  profile: Profile,
): Promise<MissingFile[]> {
  const result: MissingFile[] = [];
  for (const { file, membership } of notBuilt) {
    const arch = /^arch\/([^/]+)\//.exec(file)?.[1];
    if (arch !== undefined && arch !== profile.sourceArch) {
      result.push({ file, why: `${arch} code, and ${profile.name} is ${profile.kernelArch}`, mayBeBuilt: false });
      continue;
    }
    if (membership.kind === "excluded") {
      result.push({ file, why: excludedWords(membership.what), mayBeBuilt: false });
      continue;
    }
    if (membership.kind !== "not-built") continue;
    const kbuilds = new Map<string, { file: string; text: string }>();
    const entries = new Map<string, ConfigEntry[]>();
    for (const { dir, name } of membership.blockers) {
      const kbuild = await readKbuild(tree, commit, dir);
      if (kbuild === undefined) continue;
      kbuilds.set(dir, kbuild);
      for (const symbol of findConditions(kbuild.text, name)?.symbols ?? []) {
        entries.set(symbol, await findEntries(tree, commit, symbol.replace(/^CONFIG_/, "")));
      }
    }
    const unmet = explainNotBuilt(
      membership,
      (dir) => kbuilds.get(dir),
      (symbol) => entries.get(`CONFIG_${symbol}`) ?? [],
      build.config,
    );
    const why = unmet?.text ?? "no list of kbuild's names it";
    result.push({ file, why: `not built by ${profile.name}: ${why}`, mayBeBuilt: true });
  }
  return result;
}

function excludedWords(what: ExcludedUnit): string {
  return what === "other"
    ? "kbuild builds it for something other than the kernel and its modules"
    : `part of the ${what}, which is no code of the running kernel`;
}

async function readKbuild(tree: Tree, commit: string, dir: string) {
  for (const name of KBUILD_NAMES) {
    const file = dir === "." ? name : `${dir}/${name}`;
    const bytes = await tree.readFile(commit, file);
    if (bytes !== undefined) return { file, text: new TextDecoder().decode(bytes) };
  }
  return undefined;
}

async function findEntries(tree: Tree, commit: string, symbol: string): Promise<ConfigEntry[]> {
  const files = await tree.findMentions(commit, [`config ${symbol}`], ["*Kconfig*"]);
  const texts = await tree.readFiles(commit, files);
  return [...texts].flatMap(([file, bytes]) =>
    readConfigEntries(new TextDecoder().decode(bytes), file).filter((entry) => entry.symbol === symbol),
  );
}
