// The mails about a review as posts for the outbox: who gets them, what they answer, and the bytes that go out.

import { hashText } from "../base/hash.ts";
import { type MailAddress, mailMessageId, renderMail, replyNumber } from "../report/mail.ts";
import type { ReviewResult } from "../report/result.ts";
import { speakingFindings } from "../report/sentences.ts";
import type { PostOrder, Review } from "../store/store.ts";
import type { MailConfig } from "./config.ts";
import { mailBody } from "./mail-body.ts";
import type { Policy } from "./policy.ts";
import type { FormerResult, RepliedSeries } from "./replied.ts";
import { compareVersions, isComparable, type VersionChange } from "./versions.ts";
import { type Asked, optOutKey, type RepliedMail } from "./voice-notes.ts";

/** Who writes. */
export interface Sender {
  readonly name: string;
  readonly address: string;
  /** Envelope sender, which bounces go to. */
  readonly bouncesTo: string;
  /** Right-hand side of Message-IDs. */
  readonly domain: string;
  /** Where reviews can be looked at, without a final slash. */
  readonly reviewUrl?: string;
}

export function senderOf(config: MailConfig): Sender {
  const { name, address, smtp } = config;
  const reviewUrl = config["review-url"]?.replace(/\/+$/, "");
  return {
    name,
    address,
    bouncesTo: smtp?.["bounces-to"] ?? address,
    domain: config.domain ?? address.slice(address.lastIndexOf("@") + 1),
    ...(reviewUrl === undefined ? {} : { reviewUrl }),
  };
}

export interface PostInput {
  readonly series: RepliedSeries;
  readonly review: Pick<Review, "id">;
  readonly result: ReviewResult;
  /** New findings that are left out of `result`. */
  readonly waived: number;
  readonly former: FormerResult | undefined;
  readonly sender: Sender;
  /** Keys as optOutKey makes them. */
  readonly optOuts: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Of the one mail about a version of a series. */
export function replyIdentity(series: string): string {
  return `mail:${series}:reply`;
}

/** Of the answer to somebody's command. */
export function answerIdentity(asked: Asked): string {
  return `mail:${asked.mail.messageId}:answer`;
}

/** The one mail about a version of a series. */
export function replyPost(input: PostInput, policy: Policy): PostOrder {
  const { series, sender, result } = input;
  const cc = [...(policy.reply === "list" ? policy.lists : []), ...policy.cc];
  const number = replyNumber(withoutFormer(input));
  const patch = number === undefined ? undefined : patchMail(series, result, number);
  const mail = patch?.mail ?? series.cover ?? series.patches[0]?.mail;
  return {
    identity: replyIdentity(series.identity),
    ...post(input, {
      to: series.author,
      cc,
      mail,
      patch: patch === undefined ? undefined : number,
      messageId: mailMessageId(withIdentity(result, series), sender.domain),
      answersTo: [],
      since: series.sentAt,
    }),
  };
}

/** What is new in this version is answered to, where anything is. */
function withoutFormer({ result, former }: PostInput): ReviewResult {
  const stillThere = changeSince(former, result)?.stillThere;
  const fresh = result.findings.filter(({ id }) => stillThere?.has(id) !== true);
  return speakingFindings({ ...result, findings: fresh }).length === 0 ? result : { ...result, findings: fresh };
}

function changeSince(former: FormerResult | undefined, result: ReviewResult): VersionChange | undefined {
  if (former === undefined || !isComparable(former.result) || !isComparable(result)) return undefined;
  return compareVersions(former.result, former.version, result);
}

/** In the review patches are numbered from 1; a version that replaces only some of the former's goes by other numbers. */
function patchMail(
  { patches }: RepliedSeries,
  result: ReviewResult,
  number: number,
): { mail: RepliedMail } | undefined {
  const id = result.patches.find((each) => each.number === number)?.messageId;
  return (
    patches.find(({ mail }) => mail.messageId === id) ??
    patches.find((each) => id === undefined && each.number === number)
  );
}

/** What somebody asked for, told to them alone. */
export function answerPost(input: PostInput, asked: Asked): PostOrder {
  return {
    identity: answerIdentity(asked),
    ...post(input, {
      to: asked.by,
      cc: [],
      mail: asked.mail,
      patch: undefined,
      messageId: `r.${hashText(`${input.series.identity}\n${asked.mail.messageId}`)}.answer@${input.sender.domain}`,
      answersTo: [asked.line],
      since: asked.at,
    }),
  };
}

/** Findings told in full: as many as fit. */
const DETAILS = [5, 3, 1] as const;
/** Lists of the kernel hold back what is longer than 100,000 characters. */
const MAX_BYTES = 90_000;

interface Parts {
  readonly to: MailAddress;
  readonly cc: readonly string[];
  readonly mail: RepliedMail | undefined;
  readonly patch: number | undefined;
  readonly messageId: string;
  readonly answersTo: readonly string[];
  /** When the mail that is answered was written; milliseconds since 1970. */
  readonly since: number;
}

function post(input: PostInput, parts: Parts): Omit<PostOrder, "identity"> {
  const { series, review, sender, former, now } = input;
  const { to, mail, messageId } = parts;
  const known = new Set([to.address.toLowerCase(), sender.address.toLowerCase()]);
  const isWanted = (address: string) =>
    !known.has(address.toLowerCase()) && !input.optOuts.has(optOutKey("author", address));
  const cc = [...new Set(parts.cc)].filter(isWanted);
  const result = forMail(withIdentity(input.result, series), series);
  const change = changeSince(former, result);
  const told = change === undefined ? result : { ...result, previousVersion: change.previousVersion };
  const render = (maxDetailed: number) =>
    renderMail(told, {
      maxDetailed,
      from: { name: sender.name, address: sender.address },
      to: [to],
      cc: cc.map((address) => ({ address })),
      date: new Date(now),
      domain: sender.domain,
      messageId,
      run: review.id,
      ...(mail === undefined
        ? {}
        : { answers: { ...mail, ...(parts.patch === undefined ? {} : { patch: parts.patch }) } }),
      answersTo: parts.answersTo,
      sinceMailMillis: Math.max(0, now - parts.since),
      stillThere: change?.stillThere ?? new Set(),
      formerIsTold: former?.isTold === true,
      waived: input.waived,
      mailCommands: true,
      trailers: trailers(result, messageId, input),
      ...(sender.reviewUrl === undefined ? {} : { reviewUrl: `${sender.reviewUrl}/${review.id}` }),
    });
  const raw = DETAILS.map(render).find((text) => Buffer.byteLength(text) <= MAX_BYTES) ?? render(0);
  return {
    target: `mail:${series.identity}`,
    kind: "mail",
    manner: "once",
    body: mailBody({
      envelope: { from: sender.bouncesTo, to: [to.address, ...cc] },
      messageId,
      raw,
      series: series.identity,
    }),
  };
}

/** A range or an mbox as the worker gave it knows less of the series than its mails say. */
function withIdentity(result: ReviewResult, { identity, version, cover }: RepliedSeries): ReviewResult {
  return { ...result, series: { ...result.series, version, messageId: cover?.messageId ?? identity } };
}

/** The worker's own command names its own folders: whoever reads this has the series in the archive of the list. */
function forMail(result: ReviewResult, { cover, patches }: RepliedSeries): ReviewResult {
  const id = (cover ?? patches[0]?.mail)?.messageId;
  const base = result.base.commit;
  if (id === undefined || base === "" || result.profiles.length === 0) return { ...result, reproduce: [] };
  const profiles =
    result.profiles.length < 2 ? "" : result.profiles.map(({ name }) => ` --profile ${shell(name)}`).join("");
  return {
    ...result,
    reproduce: [
      `b4 am -o . -n series ${shell(id)}`,
      `npx objreview review --tree . --base ${shell(base)} --mbox series.mbx${profiles}`,
    ],
  };
}

function shell(text: string): string {
  return /^[\w@%+=:,./^~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Only for what somebody may repair, and whom they then may name. */
function trailers({ verdict }: ReviewResult, messageId: string, { sender, series }: PostInput): string[] {
  if (verdict !== "findings" && verdict !== "broken") return [];
  return [
    `Reported-by: ${sender.name} <${sender.address}>`,
    ...(series.archive === undefined ? [] : [`Closes: ${series.archive}/${messageId}/`]),
  ];
}
