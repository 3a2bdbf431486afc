// Bodies of the REST calls, field for field as the API names them (docs.github.com, REST API 2022-11-28). `owner`, `repo` and the
// numbers in the address are the caller's.

export type Conclusion = "success" | "failure" | "neutral" | "cancelled" | "skipped";
export type AnnotationLevel = "notice" | "warning" | "failure";

export interface Annotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly annotation_level: AnnotationLevel;
  readonly title: string;
  readonly message: string;
  readonly raw_details?: string;
}

export interface CheckOutput {
  readonly title: string;
  readonly summary: string;
  readonly text?: string;
  readonly annotations?: readonly Annotation[];
}

/** A button: a click sends check_run.requested_action with its identifier. */
export interface CheckAction {
  readonly label: string;
  readonly description: string;
  readonly identifier: string;
}

/** POST /repos/{owner}/{repo}/check-runs, and PATCH .../check-runs/{id} without name and head_sha. */
export interface CheckRunBody {
  readonly name?: string;
  readonly head_sha?: string;
  readonly external_id?: string;
  readonly details_url?: string;
  readonly status: "queued" | "in_progress" | "completed";
  /** ISO 8601. */
  readonly started_at?: string;
  readonly completed_at?: string;
  readonly conclusion?: Conclusion;
  readonly output: CheckOutput;
  readonly actions?: readonly CheckAction[];
}

export type Side = "LEFT" | "RIGHT";

/** One of `comments` in POST /repos/{owner}/{repo}/pulls/{number}/reviews. */
export interface ReviewComment {
  readonly path: string;
  /** Line of the file on `side`; the last one of a range. */
  readonly line: number;
  readonly side: Side;
  /** First line of a range: less than `line` (equal is refused), in the same hunk. */
  readonly start_line?: number;
  readonly start_side?: Side;
  readonly body: string;
}

export interface ReviewBody {
  readonly commit_id: string;
  readonly event: "COMMENT";
  readonly body: string;
  readonly comments: readonly ReviewComment[];
}
