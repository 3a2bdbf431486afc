import type { AffectedObject } from "../kernel/affected.ts";
import type { BuildResult } from "../kernel/build.ts";
import type { ProfileBuild } from "./profile-build.ts";
import type { SourceState } from "./states.ts";
import { stopUnlessDone } from "./stops.ts";

// The compiler is most of a review, and it runs in processes of its own: it is started as soon as the objects are known, and whatever else
// is needed (the rules, the base's index, the findings of the base) is loaded and worked out beside it.

export interface StartedBuild {
  readonly ofBase: BuildResult;
  /** Of the tip, under way. Whoever starts it waits for its end, whatever happens meanwhile: it reads the slot's work tree. */
  readonly ofTip: Promise<BuildResult>;
}

/** Builds the base's objects, which are mostly known, and starts on those of the tip. Throws ReviewStop where the base's build was ended. */
export async function startBuild(
  build: ProfileBuild,
  objects: readonly AffectedObject[],
  tip: SourceState,
): Promise<StartedBuild> {
  const ofBase = await build.buildBase(objects.flatMap((o) => o.baseObject ?? []));
  stopUnlessDone(ofBase, "the base");
  const inTip = objects.filter((o) => o.inHead).map((o) => o.object);
  // Not before the compiler runs: to load modules blocks everything here, and with it the way to the sandbox.
  const running = Promise.withResolvers<void>();
  const ofTip = build.buildState(tip, "head", inTip, running.resolve);
  // How it ended is looked at by whoever waits for it.
  await Promise.race([running.promise, ofTip.catch(() => undefined)]);
  return { ofBase, ofTip };
}
