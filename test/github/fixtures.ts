// A pull request for the results of test/report/fixtures.ts: its diff, and the pull request itself as far as a plan changes it.
import { DEFAULT_CONFIG, type RepositoryConfig } from "../../src/github/config.ts";
import { DiffPlaces } from "../../src/github/diff-places.ts";
import { type Plan, type PlanInput, type PostedComment, planPosts } from "../../src/github/reconcile.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import type { ReviewFinding, ReviewResult } from "../../src/report/result.ts";

export const SHA = "0123456789abcdef0123456789abcdef01234567";
export const LINKS = {
  rules: "https://objreview.example.org/rules",
  review: "https://objreview.example.org/r/5f3c1e",
  docs: "https://objreview.example.org/docs",
};

/** The diff of the four patches together: lines 218 to 223 of fs/peek.c, 15 to 24 of fill_words.S. */
export const DIFF = `diff --git a/arch/x86/lib/fill_words.S b/arch/x86/lib/fill_words.S
index 1111111111..2222222222 100644
--- a/arch/x86/lib/fill_words.S
+++ b/arch/x86/lib/fill_words.S
@@ -17,6 +17,8 @@
 
 SYM_FUNC_START(fill_words)
+	push %rbx
+	mov %rdx, %rbx
 	test %rdx, %rdx
 	jz .Ldone
 	mov %rsi, %rax
 	cld
diff --git a/fs/peek.c b/fs/peek.c
index 3333333333..4444444444 100644
--- a/fs/peek.c
+++ b/fs/peek.c
@@ -217,7 +217,6 @@ SYSCALL_DEFINE2(peek, int, fd, struct peek __user *, out)
 	return err;
 
 fault:
-	user_write_access_end();
 	return -EFAULT;
 }
 
`;

export const places = (): DiffPlaces => new DiffPlaces(parseDiff(DIFF));

export const silentReplies = (): boolean => false;

/** What GitHub keeps of a pull request, as far as plans go. Everything that is posted gets a new number. */
export class PullRequest {
  comments: { id: number; kind: PostedComment["kind"]; body: string; hasReplies: boolean; edits: number }[] = [];
  calls = 0;
  #next = 100;

  posted(): PostedComment[] {
    return this.comments.map(({ id, kind, body, hasReplies }) => ({ id, kind, body, hasReplies }));
  }

  add(kind: PostedComment["kind"], body: string): void {
    this.comments.push({ id: this.#next++, kind, body, hasReplies: false, edits: 0 });
  }

  /** Makes the calls of a plan, the first `limit` of them only: the rest is lost in a crash. */
  apply(plan: Plan, limit = Number.POSITIVE_INFINITY): void {
    const calls: (() => void)[] = [];
    if (plan.review !== undefined) {
      const { comments } = plan.review;
      calls.push(() => {
        for (const comment of comments) this.add("line", comment.body);
      });
    }
    for (const edit of plan.edits) {
      calls.push(() => {
        const found = this.comments.find(({ id }) => id === edit.id);
        if (found === undefined) throw new Error(`edit of ${edit.id}, which is not there`);
        found.body = edit.body;
        found.edits++;
      });
    }
    for (const removal of plan.removals) {
      calls.push(() => {
        const found = this.comments.find(({ id }) => id === removal.id);
        if (found === undefined || found.hasReplies) throw new Error(`removal of ${removal.id}`);
        this.comments = this.comments.filter(({ id }) => id !== removal.id);
      });
    }
    const { newSummary } = plan;
    if (newSummary !== undefined) calls.push(() => this.add("conversation", newSummary));
    this.calls += calls.length;
    for (const call of calls.slice(0, limit)) call();
  }
}

export function planFor(result: ReviewResult, more: Partial<PlanInput> = {}): Plan {
  return planPosts({
    result,
    headSha: SHA,
    places: places(),
    config: DEFAULT_CONFIG,
    links: LINKS,
    posted: [],
    ...more,
  });
}

export function configWith(change: (config: RepositoryConfig) => void): RepositoryConfig {
  const config = structuredClone(DEFAULT_CONFIG);
  change(config);
  return config;
}

/** The finding at the tip: not repaired by a later patch. */
export function atTip(finding: ReviewFinding): ReviewFinding {
  const { repairedBy: _, ...rest } = finding;
  return rest;
}

export function isEmpty(plan: Plan): boolean {
  return (
    plan.review === undefined && plan.edits.length === 0 && plan.removals.length === 0 && plan.newSummary === undefined
  );
}
