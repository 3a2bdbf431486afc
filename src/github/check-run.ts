// The check run through its life: queued with its position, in progress by phases, completed.

import type { ReviewResult, Verdict } from "../report/result.ts";
import { durationWords, speakingFindings } from "../report/sentences.ts";
import { clip, plural } from "../report/wrap.ts";
import { annotate, batches } from "./annotations.ts";
import type { Links } from "./comment-text.ts";
import type { RepositoryConfig } from "./config.ts";
import { MAX_CHECK_TITLE } from "./limits.ts";
import { code, prose } from "./markdown.ts";
import type { CheckAction, CheckRunBody, Conclusion } from "./payloads.ts";
import { checkSummary, verdictPlain } from "./summary-text.ts";
import { reaches, topicsOf } from "./topics.ts";

export const CHECK_NAME = "objreview";

/** Labels of 20, descriptions of 40 characters at most. */
export const RECHECK_ACTION: CheckAction = {
  label: "Re-check",
  description: "Build and analyse this head again",
  identifier: "recheck",
};
export const APPROVE_ACTION: CheckAction = {
  label: "Approve the build",
  description: "Build this head, once, in the sandbox",
  identifier: "approve",
};

export interface CheckIdentity {
  readonly headSha: string;
  /** Our job: what a check of ours is found by again. */
  readonly externalId: string;
  readonly links: Links;
}

function opening({ headSha, externalId, links }: CheckIdentity) {
  return {
    name: CHECK_NAME,
    head_sha: headSha,
    external_id: externalId,
    ...(links.review === undefined ? {} : { details_url: links.review }),
  };
}

/** `ahead`: jobs before this one; `approval`: the build waits for one. The body creates the run. */
export function queuedCheck(identity: CheckIdentity, ahead: number, approval = false): CheckRunBody {
  if (approval) {
    return {
      ...opening(identity),
      status: "completed",
      conclusion: "neutral",
      output: {
        title: "Waiting for an approval",
        summary:
          "A build runs what the patch says. This repository lets a person with write access look first: " +
          "`/objreview approve`, or the button. It counts for this head alone.",
      },
      actions: [APPROVE_ACTION],
    };
  }
  const where = ahead === 0 ? "next in line" : `${plural(ahead, "review")} ahead`;
  return {
    ...opening(identity),
    status: "queued",
    output: { title: `Queued, ${where}`, summary: "Nothing has been built yet." },
  };
}

export interface Phase {
  readonly name: string;
  readonly state: "done" | "now" | "next";
  /** "12 of 40 objects". */
  readonly detail?: string;
  readonly millis?: number;
}

/** A change of the run that has been created. `startedAt`: ISO 8601. */
export function progressCheck(phases: readonly Phase[], startedAt: string): CheckRunBody {
  const now = phases.find((phase) => phase.state === "now");
  const title =
    now === undefined ? "At work" : `At work: ${now.name}${now.detail === undefined ? "" : `, ${now.detail}`}`;
  const lines = phases.slice(0, 20).map((phase) => {
    const time = phase.millis === undefined ? "" : `, ${durationWords(phase.millis)}`;
    const detail = phase.detail === undefined ? "" : `: ${prose(phase.detail, 120)}`;
    const state = phase.state === "done" ? `done${time}` : phase.state === "now" ? "now" : "to come";
    return `- ${prose(phase.name, 60)}${detail} (${state})`;
  });
  return {
    status: "in_progress",
    started_at: startedAt,
    output: { title: clip(title, MAX_CHECK_TITLE), summary: lines.length === 0 ? "At work." : lines.join("\n") },
  };
}

const UNDECIDED: ReadonlySet<Verdict> = new Set(["inconclusive", "conflict", "applied", "failed", "incomplete"]);

/** What the merge box shows. A finding fails the check only where the repository's configuration says so. */
export function conclusionOf(result: ReviewResult, config: RepositoryConfig["check"]): Conclusion {
  const { verdict } = result;
  if (verdict === "superseded" || verdict === "cancelled") return "cancelled";
  if (verdict === "broken" && config["fail-on-broken-build"]) return "failure";
  if (speakingFindings(result).some((finding) => reaches(finding.severity, config["fail-on"]))) return "failure";
  if (verdict !== "clean" || UNDECIDED.has(verdict)) return "neutral";
  // Green is said of what was looked at.
  const wasLooked = result.objects.some(({ state }) => state !== "not-built" && state !== "not-analysed");
  return wasLooked || result.objects.length === 0 ? "success" : "neutral";
}

export interface CompletedInput {
  readonly result: ReviewResult;
  readonly config: RepositoryConfig;
  readonly links: Links;
  /** ISO 8601. */
  readonly completedAt: string;
  /** Annotations that the run has by now (output.annotations_count): they cannot be taken back, and are not sent again. */
  readonly posted: number;
  /** Keys of waived topics: they neither fail the check nor are annotated. */
  readonly waived?: ReadonlySet<string>;
}

/** The requests that end the run, in order: batches of annotations while it is in progress, and with the last one the conclusion. */
export function completedCheck(input: CompletedInput): CheckRunBody[] {
  const { config, links } = input;
  const allTopics = topicsOf(input.result);
  const topics = allTopics.filter(({ key }) => input.waived?.has(key) !== true);
  const waived = allTopics.length - topics.length;
  const result = input.result;
  const judged = waived === 0 ? result : withoutTopics(result, allTopics, input.waived!);
  const { annotations, leftOut } = annotate(topics, result, config.limits.annotations);
  const where = links.review === undefined ? "" : `, see [the whole review](${links.review})`;
  const notes = [
    ...(leftOut === 0 ? [] : [`${plural(leftOut, "finding")} without an annotation${where}.`]),
    ...(waived === 0 ? [] : [`${plural(waived, "finding")} waived.`]),
  ];
  const output = {
    title: clip(verdictPlain(result), MAX_CHECK_TITLE),
    summary: checkSummary(result, topics, links, notes),
  };
  const rest = batches(annotations.slice(input.posted));
  const calls: CheckRunBody[] = rest.slice(0, -1).map((batch) => ({
    status: "in_progress",
    output: { ...output, annotations: batch },
  }));
  const last = rest[rest.length - 1];
  calls.push({
    status: "completed",
    conclusion: conclusionOf(judged, config.check),
    completed_at: input.completedAt,
    output: last === undefined ? output : { ...output, annotations: last },
    actions: [RECHECK_ACTION],
  });
  return calls;
}

function withoutTopics(
  result: ReviewResult,
  topics: ReturnType<typeof topicsOf>,
  waived: ReadonlySet<string>,
): ReviewResult {
  const gone = new Set(
    topics.filter(({ key }) => waived.has(key)).flatMap(({ finding, others }) => [finding, ...others]),
  );
  const findings = result.findings.filter((finding) => !gone.has(finding));
  const speaks = findings.some((finding) => finding.class === "new" || finding.class === "worsened");
  return { ...result, findings, verdict: result.verdict === "findings" && !speaks ? "clean" : result.verdict };
}

/** The check of a head whose configuration file cannot be read: `lines` from describeConfigErrors. */
export function configErrorCheck(
  identity: CheckIdentity,
  path: string,
  summary: string,
  completedAt: string,
): CheckRunBody {
  return {
    ...opening(identity),
    status: "completed",
    conclusion: "neutral",
    completed_at: completedAt,
    output: { title: clip(`${path} cannot be used`, MAX_CHECK_TITLE), summary: `${code(path)}:\n\n${summary}` },
    actions: [RECHECK_ACTION],
  };
}
