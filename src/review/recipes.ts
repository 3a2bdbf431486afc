import type { FileDiff } from "../patch/file-diff.ts";
import type { Series } from "../patch/series.ts";
import { touchedFiles } from "../patch/touched.ts";
import type { ProfileBuild } from "./profile-build.ts";
import { ReviewStop } from "./request.ts";
import type { SourceState } from "./states.ts";

// A Makefile that make cannot read lists nothing. That is no removal of all its objects: it is asked for one that does not exist, which
// gives make's own error, and where that lies in a Makefile that the series touches, the series is broken.

const PROBE = "objreview-probe.o";

/** Throws ReviewStop("broken") where a recipe that the series touches cannot be read. */
export async function stopOnBrokenRecipe(
  build: ProfileBuild,
  tip: SourceState,
  patches: readonly (readonly FileDiff[])[],
  series: Series,
  profile: string,
): Promise<void> {
  const recipes = touchedFiles(patches).filter(
    (file) => file.kind === "kbuild" && file.path.includes("/") && tip.listing.files.has(file.path),
  );
  const dirs = [...new Set(recipes.map(({ path }) => path.slice(0, path.lastIndexOf("/"))))];
  for (const dir of await build.unreadable(tip, dirs)) {
    const { failed } = await build.buildState(tip, "recipe", [`${dir}/${PROBE}`]);
    const error = failed[0]?.error;
    const recipe = recipes.find(({ path }) => path === error?.file);
    if (error === undefined || recipe === undefined) continue;
    const patch = recipe.patches.length === 1 ? (recipe.patches[0] as number) : undefined;
    const text = error.text.replace(/\.$/, "");
    throw new ReviewStop("broken", `${error.file}:${error.line}: ${text}`, {
      broken: {
        ...(patch === undefined
          ? {}
          : { patch: { number: patch + 1, subject: (series.patches[patch] as { title: string }).title } }),
        object: `anything in ${dir}/`,
        file: error.file,
        line: error.line,
        error: text,
        profile,
      },
    });
  }
}
