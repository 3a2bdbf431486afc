// What a proven mail asks for is done: orders, waivers and opt-outs now, answers as one mail to the asker alone. Done again after a crash it adds nothing: what
// it writes has a name that comes from the command's mail.

import { hashText } from "../base/hash.ts";
import { findingLines } from "../report/finding-text.ts";
import { parseReviewJson } from "../report/json.ts";
import { isMailAddress, renderAnswerMail } from "../report/mail.ts";
import type { ReviewFinding, ReviewResult } from "../report/result.ts";
import { safeCode, safeProse } from "../report/safe.ts";
import { joinWords, wrapText } from "../report/wrap.ts";
import type { Mailroom } from "../store/mailroom.ts";
import type { Order, PostOrder, Store } from "../store/store.ts";
import type { AddressedSeries } from "./addressed.ts";
import { mayDo, roleOf } from "./command-rights.ts";
import { type CommandLine, HELP_LINES, type MailCommand, type StopScope } from "./commands.ts";
import type { ListPolicy, MailConfig } from "./config.ts";
import { askForInline, findInline } from "./inline.ts";
import { mailBody, readMailBody } from "./mail-body.ts";
import { namesOf } from "./plan.ts";
import { listsOf } from "./policy.ts";
import { senderOf } from "./reply-post.ts";
import { VOICE } from "./voice.ts";
import { noteAsked, OPT_OUT, optOutKey, type RepliedMail } from "./voice-notes.ts";
import { waiverScope } from "./waived.ts";
import { mailTarget, reviewOrder } from "./work-request.ts";

export interface CarryOutParts {
  readonly store: Pick<Store, "receive" | "reviews" | "result" | "posts" | "waive" | "waivers">;
  readonly room: Pick<Mailroom, "note" | "notes" | "removeNote" | "mail" | "series" | "file">;
  readonly config: MailConfig;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ProvenMail {
  readonly mail: RepliedMail;
  readonly inReplyTo: string | undefined;
  /** Proven. */
  readonly by: { readonly name?: string; readonly address: string };
  readonly lines: readonly CommandLine[];
  /** Undefined: it answers nothing that is known. */
  readonly series: AddressedSeries | undefined;
}

/** The name under which orders of commands are remembered. */
export const COMMAND_SOURCE = "mail-command";

interface Work extends CarryOutParts {
  readonly proven: ProvenMail;
  readonly lists: readonly ListPolicy[];
}

/** Lines of text; none: nothing needs to be said. */
type Answer = readonly string[];

/** What became of each line, for the log. */
export async function carryOut(parts: CarryOutParts, proven: ProvenMail): Promise<string[]> {
  const { details } = proven.series ?? {};
  const lists = details === undefined ? [] : listsOf(parts.config, namesOf(details));
  const work: Work = { ...parts, proven, lists };
  const role = roleOf(parts.config, proven.by.address, details?.author?.address);
  const blocks: string[][] = [];
  const done: string[] = [];
  for (const line of proven.lines) {
    const right = mayDo(line.command, role);
    const what = line.command?.name ?? "no command";
    if (!right.allowed) {
      done.push(`${what}: ${right.why}`);
      if (right.answer) blocks.push(block(line, notDone(right.why)));
      continue;
    }
    done.push(what);
    const answer = line.command === undefined ? misread(line) : await carryOutOne(work, line, line.command);
    if (answer.length > 0) blocks.push(block(line, answer));
  }
  const post = blocks.length === 0 ? undefined : answerMail(work, blocks);
  if (post !== undefined) {
    await parts.store.receive({ source: COMMAND_SOURCE, id: `${proven.mail.messageId} answer` }, [
      { kind: "post", post },
    ]);
  }
  return done;
}

function block({ text }: CommandLine, answer: Answer): string[] {
  return [`> ${safeCode(text)}`, "", ...answer];
}

function notDone(why: string): Answer {
  return wrapText(`Not done: ${why}.`);
}

function misread({ error = "" }: CommandLine): Answer {
  return [...wrapText(`Not understood: ${safeProse(error)}.`), "", ...HELP_LINES];
}

async function carryOutOne(work: Work, line: CommandLine, command: MailCommand): Promise<Answer> {
  switch (command.name) {
    case "help":
      return HELP_LINES;
    case "stop":
    case "start":
      return stop(work, command.name, command.scope);
    case "recheck":
      return recheck(work, line, command);
    case "explain":
    case "waive": {
      const found = await findFinding(work, command.finding);
      if (typeof found === "string") return notDone(found);
      if (command.name === "explain") return findingLines(found.finding, found.result, undefined, { namesId: true });
      return waive(work, found.finding, command.reason);
    }
  }
}

const UNKNOWN_SERIES = "I know of no series that your mail answers";

async function recheck(work: Work, line: CommandLine, asked: { profile?: string; base?: string }): Promise<Answer> {
  const { store, room, proven, lists, now } = work;
  if (proven.series === undefined) return notDone(UNKNOWN_SERIES);
  const { details, row } = proven.series;
  const inline = await findInline(room, [proven.mail.messageId, proven.inReplyTo]);
  if (inline !== undefined) return recheckInline(work, line, inline);
  const problem = notReviewable(proven.series, lists);
  if (problem !== undefined) return notDone(problem);
  const names = work.config.trees.filter(({ name }) => lists.some((list) => list.trees.includes(name)));
  const profiles = new Set(names.flatMap((tree) => tree.profiles));
  if (asked.profile !== undefined && profiles.size > 0 && !profiles.has(asked.profile)) {
    return notDone(`there is no profile ${safeProse(asked.profile)} here; there are ${joinWords([...profiles])}`);
  }
  const order = reviewOrder(
    details,
    lists.map(({ address }) => address),
    asked,
  );
  const { by, mail } = proven;
  await noteAsked(room, row.identity, { by, mail, line: line.text, at: now() });
  // Where the same is under way that is the recheck, but not where something else was asked for.
  const isOther = asked.profile !== undefined || asked.base !== undefined;
  const orders: Order[] = isOther ? [{ kind: "cancel", target: order.target }, order] : [order];
  await store.receive({ source: COMMAND_SOURCE, id: `${mail.messageId} ${line.line}` }, orders);
  // The verdict is the answer.
  return [];
}

/** A patch in a reply, the asker's own or the one that they answer. Its verdict is the answer. */
async function recheckInline(
  { room, proven, now }: Work,
  { text: line }: CommandLine,
  inline: string,
): Promise<Answer> {
  const { by, mail } = proven;
  await noteAsked(room, inline, { by, mail, line, at: now() });
  await askForInline(room, inline, by.address, now());
  return [];
}

function notReviewable({ row, details }: AddressedSeries, lists: readonly ListPolicy[]): string | undefined {
  if (details.olderThan !== undefined) return "there is a newer version of this series; ask there";
  if (lists.length === 0) return "this series came to none of my lists";
  const states = ["ordered", "settling", "late"];
  return states.includes(row.state)
    ? undefined
    : `this series is not reviewed: ${safeProse(`${row.state}, ${row.reason}`)}`;
}

interface Found {
  readonly finding: ReviewFinding;
  readonly result: ReviewResult;
}

/** In the result that the mail showed which is answered, else in the last one. A string: why not. */
async function findFinding({ store, proven }: Work, id: string): Promise<Found | string> {
  if (proven.series === undefined) return UNKNOWN_SERIES;
  const target = mailTarget(proven.series.row.identity);
  const shown = (await store.posts(target)).find(
    (post) => post.kind === "mail" && post.review !== "" && readMailBody(post.body).messageId === proven.inReplyTo,
  );
  const finished = (await store.reviews(target)).filter(({ state }) => state === "finished");
  const review = finished.find((each) => each.id === shown?.review) ?? finished.at(-1);
  const text = review === undefined ? undefined : await store.result(review.id);
  if (text === undefined) return "there is no result for this version yet";
  const result = parseReviewJson(text);
  const found = result.findings.filter(
    ({ id: short, fingerprint }) =>
      short === id || fingerprint === id || (id.length >= 8 && fingerprint.startsWith(id)),
  );
  // The same fingerprint in several places is one thing to a reader.
  const [finding] = found;
  const isOne = new Set(found.map(({ fingerprint }) => fingerprint)).size === 1;
  return finding === undefined || !isOne
    ? `the review of this version has no one finding ${safeProse(id, 40)}`
    : { finding, result };
}

/** For all lists of ours that the series came to; the voice reads the scopes. */
async function waive(
  { store, proven, lists }: Work,
  { fingerprint, id }: ReviewFinding,
  reason: string,
): Promise<Answer> {
  const identity = proven.series?.row.identity ?? "";
  const scopes = (lists.length > 0 ? lists.map(({ address }) => address) : [identity]).map(waiverScope);
  for (const scope of scopes) {
    const known = await store.waivers(scope);
    if (known.some((each) => each.fingerprint === fingerprint)) continue;
    await store.waive({ scope, fingerprint, reason, by: proven.by.address });
  }
  const where = lists.length > 0 ? `on ${joinWords(lists.map(({ address }) => address))}` : "in this series";
  return wrapText(`Done: ${safeProse(id, 20)} is taken as it is ${where} from now on, and not told again.`);
}

async function stop(work: Work, verb: "stop" | "start", scope: StopScope): Promise<Answer> {
  const { room, proven, config, lists, now } = work;
  const identity = proven.series?.row.identity;
  if (scope === "series" && identity === undefined) return notDone(UNKNOWN_SERIES);
  if (scope === "list" && lists.length === 0) return notDone("your mail answers nothing on a list of mine");
  const addresses = (scope === "all" ? config.lists : lists).map(({ address }) => address);
  const keys =
    scope === "author"
      ? [optOutKey("author", proven.by.address)]
      : scope === "series"
        ? [optOutKey("series", identity ?? "")]
        : addresses.map((address) => optOutKey("list", address));
  const value = `${proven.by.address}, <${proven.mail.messageId}>`;
  for (const key of keys) {
    if (verb === "stop") await room.note({ kind: OPT_OUT, key, value, at: now() });
    else await room.removeNote(OPT_OUT, key);
  }
  const what = {
    author: `to you or about your series (${proven.by.address})`,
    series: "about this series and its later versions",
    list: `to ${joinWords(addresses)}`,
    all: "to any list",
  }[scope];
  const words =
    verb === "start"
      ? `Done: mail ${what} is sent again, as the configuration has it.`
      : `Done: no more mail ${what}. "start ${scope}" takes it back.`;
  return wrapText(words);
}

/** One mail for all lines, to nobody but the asker, under what they wrote. */
function answerMail({ proven, config, now }: Work, blocks: readonly string[][]): PostOrder | undefined {
  const { mail, by } = proven;
  if (!isMailAddress(by.address)) return undefined;
  const sender = senderOf(config);
  const messageId = `c.${hashText(mail.messageId)}@${sender.domain}`;
  const body = blocks.map((lines) => `${lines.join("\n")}\n`).join("\n");
  const raw = renderAnswerMail({
    from: { name: sender.name, address: sender.address },
    to: [by],
    date: new Date(now()),
    answers: mail,
    messageId,
    run: "command",
    body,
  });
  return {
    identity: `mail:${mail.messageId}:commands`,
    target: `${VOICE}${proven.series?.row.identity ?? mail.messageId}`,
    kind: "mail",
    manner: "once",
    body: mailBody({ envelope: { from: sender.bouncesTo, to: [by.address] }, messageId, raw }),
  };
}
