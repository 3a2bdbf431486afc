// What `b4 review` is told of a patch or a series (its review-perpatch-check-cmd and review-series-check-cmd, as misc/review-ci-example.py in b4's repository
// shows them): an RFC 5322 message comes in, an array of results goes out. Answered from what is stored; nothing is built for it.

import { findingLines } from "../report/finding-text.ts";
import { parseReviewJson } from "../report/json.ts";
import type { ReviewResult } from "../report/result.ts";
import { safeProse } from "../report/safe.ts";
import { verdictSentence } from "../report/sentences.ts";
import { clip } from "../report/wrap.ts";
import type { Mailroom } from "../store/mailroom.ts";
import type { Store } from "../store/store.ts";
import { type AddressedSeries, findAddressed } from "./addressed.ts";
import type { MailConfig } from "./config.ts";
import { headerOf, readHeaders } from "./headers.ts";
import { type PatchCheck, patchChecks } from "./patch-checks.ts";
import { readRepliedSeries } from "./read-replied.ts";
import { waivedFingerprints } from "./waived.ts";
import { mailTarget } from "./work-request.ts";

export interface HookResult {
  readonly tool: string;
  readonly status: "pass" | "warn" | "fail";
  /** One line. */
  readonly summary: string;
  readonly url?: string;
  /** Lines. */
  readonly details?: string;
}

export interface HookParts {
  readonly store: Pick<Store, "reviews" | "result" | "waivers">;
  readonly room: Pick<Mailroom, "mail" | "series" | "seriesByIdentity">;
  readonly config: MailConfig;
}

const STATUS = { success: "pass", warning: "warn", fail: "fail" } as const;
const GRAVITY = { pass: 0, warn: 1, fail: 2 } as const;
const WIDTH = 200;
/** Series of these states will have a result, or are having one made. */
const UNDER_WAY: ReadonlySet<string> = new Set(["settling", "waiting", "ordered"]);

/** Empty where nothing is known of the mail, and where nothing will be. */
export async function hookResults(parts: HookParts, raw: Uint8Array): Promise<HookResult[]> {
  const { store, room, config } = parts;
  const messageId = /<([^<>\s]+)>/.exec(headerOf(readHeaders(raw), "message-id"))?.[1];
  if (messageId === undefined) return [];
  const mail = await room.mail(messageId);
  // A reply belongs to the series as well, but is none of its mails.
  const series = mail === undefined ? undefined : await findAddressed(room, [messageId]);
  if (series === undefined || !isOfSeries(series, messageId)) return [];
  const { identity } = series.row;
  const reviews = await store.reviews(mailTarget(identity));
  const review = reviews.filter(({ state }) => state === "finished").at(-1);
  const text = review === undefined ? undefined : await store.result(review.id);
  const tool = config.name;
  if (review === undefined || text === undefined) {
    return UNDER_WAY.has(series.row.state) ? [{ tool, status: "warn", summary: "not reviewed yet" }] : [];
  }
  const url =
    config["review-url"] === undefined ? {} : { url: `${config["review-url"].replace(/\/+$/, "")}/${review.id}` };
  const result = parseReviewJson(text);
  const replied = await readRepliedSeries({ room, config }, identity);
  const versions = [identity, ...(replied?.former ?? []).map((each) => each.identity)];
  const waived = await waivedFingerprints(store, versions, replied?.policy?.lists ?? []);
  const checks = patchChecks(
    result,
    series.details.patches.map(({ number }) => number),
    waived,
  );
  if (checks.length === 0) return [{ tool, status: "warn", summary: noVerdict(result), ...url }];
  const number = series.details.patches.find((each) => each.messageId === messageId)?.number;
  return [{ tool, ...(number === undefined ? ofSeries(result, checks) : ofPatch(result, checks, number)), ...url }];
}

function isOfSeries({ details }: AddressedSeries, messageId: string): boolean {
  return details.identity === messageId || details.mails.includes(messageId);
}

function noVerdict({ verdict, reason }: ReviewResult): string {
  return clip(`no verdict: ${reason === undefined ? verdict : safeProse(reason, WIDTH)}`, WIDTH);
}

function ofPatch(
  result: ReviewResult,
  checks: readonly PatchCheck[],
  number: number,
): Omit<HookResult, "tool" | "url"> {
  const check = checks.find((each) => each.number === number)!;
  return { status: STATUS[check.state], summary: check.description, ...details(result, [check]) };
}

function ofSeries(result: ReviewResult, checks: readonly PatchCheck[]): Omit<HookResult, "tool" | "url"> {
  const told = new Set(checks.flatMap(({ findings }) => findings));
  const shown = { ...result, findings: result.findings.filter((finding) => told.has(finding)) };
  const isQuiet = result.verdict === "findings" && told.size === 0;
  const status = checks
    .map(({ state }) => STATUS[state])
    .reduce((worst, each) => (GRAVITY[each] > GRAVITY[worst] ? each : worst), "pass");
  const summary = isQuiet ? "all that is new is waived" : clip(verdictSentence(shown), WIDTH);
  return { status, summary, ...details(result, checks) };
}

function details(result: ReviewResult, checks: readonly PatchCheck[]): { readonly details?: string } {
  const lines = checks.flatMap(({ findings }) =>
    findings.map((finding) => findingLines(finding, result, undefined, { namesId: true }).join("\n")),
  );
  return lines.length === 0 ? {} : { details: lines.join("\n\n") };
}
