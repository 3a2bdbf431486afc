// Whether a review is answered by a mail, and why not: pure. Silence is the rule; each one has its reason, which `mail status` tells.

import { isMailAddress } from "../report/mail.ts";
import type { ReviewFinding, ReviewResult, Verdict } from "../report/result.ts";
import { speakingFindings } from "../report/sentences.ts";
import { failureWords } from "../service/ending.ts";
import { resultWithout } from "../service/results.ts";
import type { Post, PostOrder, Review } from "../store/store.ts";
import { isWorthMail, type Policy } from "./policy.ts";
import { afterQuietHours } from "./quiet-hours.ts";
import type { FormerResult, RepliedSeries } from "./replied.ts";
import { answerIdentity, answerPost, replyIdentity, replyPost, type Sender } from "./reply-post.ts";
import { type Asked, optOutKey } from "./voice-notes.ts";

export interface ReplyInput {
  readonly series: RepliedSeries;
  readonly review: Pick<Review, "id" | "state" | "error" | "changedAt">;
  /** Undefined where the review came to none. */
  readonly result: ReviewResult | undefined;
  readonly former: FormerResult | undefined;
  /** Fingerprints. */
  readonly waived: ReadonlySet<string>;
  /** Keys as optOutKey makes them. */
  readonly optOuts: ReadonlySet<string>;
  /** Mails of the last 24 hours without those about this series. */
  readonly sentToday: { readonly author: number; readonly lists: ReadonlyMap<string, number> };
  /** What is in the outbox about this series. */
  readonly posts: readonly Pick<Post, "identity">[];
  readonly sender: Sender;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type ReplyDecision = { readonly say: PostOrder } | { readonly silent: string; readonly again?: number };

const HOUR = 3_600_000;

/** What is no verdict on the patch, or none that its author does not see without us. */
const NEVER_MAILED: Partial<Record<Verdict, string>> = {
  clean: "nothing new",
  conflict: "it does not apply, and that is not mailed",
  applied: "it is in the tree already",
  incomplete: "the series or its review is incomplete",
  inconclusive: "no verdict",
  failed: "the review failed",
  superseded: "superseded by a later version",
  cancelled: "cancelled",
};

/** The one mail about this version of the series, or why there is none. */
export function decideReply(input: ReplyInput): ReplyDecision {
  const { series, review, result, now } = input;
  const { policy } = series;
  if (review.state === "superseded" || series.supersededBy !== undefined)
    return { silent: "superseded by a later version" };
  if (review.state === "cancelled") return { silent: "cancelled" };
  if (review.state === "failed" || result === undefined) return { silent: `the review failed: ${review.error}` };
  if (!isMailAddress(series.author.address)) return { silent: "its author's address is none that can be written to" };
  if (policy === undefined) return { silent: "it came to no list of the configuration" };
  if (input.posts.some(({ identity }) => identity === replyIdentity(series.identity))) {
    return { silent: "this version was answered already" };
  }
  const shown = withoutWaived(result, input.waived);
  const reason = notWorthIt(shown, policy, result) ?? notWanted(series, policy, input.optOuts);
  if (reason !== undefined) return { silent: reason };
  const age = review.changedAt - series.sentAt;
  if (age > policy.lateHours * HOUR) {
    return { silent: `too late: ready ${hours(age)} after the mail, at most ${policy.lateHours} hours are useful` };
  }
  return (
    onHold(series, policy, now) ??
    overLimit(input, policy) ?? {
      say: replyPost({ ...input, result: shown, waived: waivedCount(result, shown) }, policy),
    }
  );
}

/** The answer to somebody who asked, which is given whatever the verdict is. Undefined: it was given already. */
export function decideAnswer(input: ReplyInput, asked: Asked): PostOrder | undefined {
  if (input.posts.some(({ identity }) => identity === answerIdentity(asked))) return undefined;
  if (!isMailAddress(asked.by.address)) return undefined;
  const result =
    input.result ??
    (input.review.state === "failed"
      ? resultWithout("failed", failureWords(input.review.error))
      : resultWithout("cancelled", "it was stopped"));
  const shown = withoutWaived(result, input.waived);
  return answerPost({ ...input, result: shown, waived: waivedCount(result, shown) }, asked);
}

function waivedCount(whole: ReviewResult, shown: ReviewResult): number {
  return speakingFindings(whole).length - speakingFindings(shown).length;
}

/** Waived findings are as if the base had them. */
function withoutWaived(result: ReviewResult, waived: ReadonlySet<string>): ReviewResult {
  const isKept = ({ fingerprint }: ReviewFinding) => !waived.has(fingerprint);
  if (result.findings.every(isKept)) return result;
  const kept = { ...result, findings: result.findings.filter(isKept) };
  const isClean = kept.verdict === "findings" && speakingFindings(kept).length === 0;
  return isClean ? { ...kept, verdict: "clean" } : kept;
}

function notWorthIt(result: ReviewResult, policy: Policy, whole: ReviewResult): string | undefined {
  if (result.verdict === "clean" && whole.verdict === "findings") return "all that is new is waived";
  const isGrave = speakingFindings(result).some(({ severity }) => isWorthMail(severity, policy.severity));
  if (result.verdict === "broken") {
    return policy.tellBroken || isGrave ? undefined : "a broken build is not told on this list";
  }
  if (result.verdict !== "findings") {
    const why = NEVER_MAILED[result.verdict] ?? `the review stands at "${result.verdict}"`;
    return result.reason === undefined ? why : `${why}: ${result.reason}`;
  }
  return isGrave ? undefined : `nothing that is new is at least of severity "${policy.severity}"`;
}

function notWanted(series: RepliedSeries, policy: Policy, optOuts: ReadonlySet<string>): string | undefined {
  if (policy.reply === "silent") return `${policy.replySaidBy} is silent by configuration`;
  if (optOuts.has(optOutKey("author", series.author.address))) return "its author wants no mail";
  const list = policy.lists.find((each) => optOuts.has(optOutKey("list", each)));
  if (list !== undefined) return `${list} wants no mail`;
  if ([series, ...series.former].some((each) => optOuts.has(optOutKey("series", each.identity)))) {
    return "no more mail is wanted about this series";
  }
  return undefined;
}

function onHold(series: RepliedSeries, policy: Policy, now: number): { silent: string; again?: number } | undefined {
  const embargo = series.receivedAt + policy.embargoHours * HOUR;
  const ready = Math.max(now, embargo);
  const again = afterQuietHours(ready, policy.quietHours);
  if (again === undefined) return { silent: "the quiet hours never end" };
  if (again <= now) return undefined;
  return { silent: embargo > now ? "held by the embargo" : "held in the quiet hours", again };
}

function overLimit({ sentToday }: ReplyInput, policy: Policy): { silent: string } | undefined {
  if (sentToday.author >= policy.perAuthor) {
    return { silent: `its author has had ${sentToday.author} mails in 24 hours, at most ${policy.perAuthor} are sent` };
  }
  for (const [list, max] of policy.perDay) {
    const sent = sentToday.lists.get(list) ?? 0;
    if (sent >= max) return { silent: `there were ${sent} mails about ${list} in 24 hours, at most ${max} are sent` };
  }
  return undefined;
}

function hours(millis: number): string {
  return `${Math.round(millis / HOUR)} hours`;
}
