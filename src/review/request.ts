import type { Profile } from "../kernel/profile.ts";
import type { Sandbox } from "../kernel/sandbox.ts";
import type { StateFolder } from "../kernel/state-folder.ts";
import type { ReviewResult } from "../report/result.ts";

export interface PatchFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What is to be reviewed: mail, patch files, or commits that the tree has. */
export type ReviewInput =
  | { readonly kind: "files"; readonly files: readonly PatchFile[] }
  | { readonly kind: "range"; readonly from: string; readonly to: string };

export interface ReviewRequest {
  /** Kernel tree: a git repository, only read. */
  readonly tree: string;
  /** Revision that the series is applied to. */
  readonly base: string;
  readonly input: ReviewInput;
  /** The default one, and a second one for files that it does not build, when empty. */
  readonly profiles: readonly Profile[];
  /** Most objects that are built because they include a touched header; the kernel folder's own default when undefined. */
  readonly dependentCap?: number | undefined;
  /** Full commit id or name (as base status prints it) of the base build whose index is taken before a nearer one. */
  readonly indexOf?: string | undefined;
  /** False: nothing is taken from earlier reviews, except prepared build folders. */
  readonly useCache: boolean;
  /** Tells the findings too that a known defect of the compiler explains. */
  readonly showKnownDefects?: boolean | undefined;
  readonly state: StateFolder;
  /** Opened when the first build is due. */
  readonly openSandbox: () => Promise<Sandbox>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Lines for "Try it" in the report; `base` is a name of the base that others have too. */
  readonly reproduce: (base: string) => readonly string[];
}

/** An end before the last phase: the verdict says which, the reason is one line. */
export class ReviewStop extends Error {
  override readonly name = "ReviewStop";
  readonly verdict: ReviewResult["verdict"];
  readonly detail: Partial<ReviewResult>;

  constructor(verdict: ReviewResult["verdict"], reason: string, detail: Partial<ReviewResult> = {}) {
    super(reason);
    this.verdict = verdict;
    this.detail = detail;
  }
}

export function throwIfCancelled(request: ReviewRequest): void {
  if (request.signal?.aborted === true) throw new ReviewStop("cancelled", "the review was cancelled");
}
