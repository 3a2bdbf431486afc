// Mails that may hold commands, one after the other: is it a person, is it proven who, is it new, is it not too much; then it is carried out. Nobody is told of
// a refusal here: the address of an unproven sender may be anybody's.

import { unwrapSeparator } from "../patch/mbox.ts";
import { parseMessage } from "../patch/message.ts";
import { readSubject } from "../patch/subject.ts";
import { toLfLines } from "../patch/text.ts";
import { errorWords, type Log } from "../service/log.ts";
import type { Mailroom, Note } from "../store/mailroom.ts";
import { type AddressedSeries, findAddressed } from "./addressed.ts";
import { type Authentic, authenticate, type Resolver } from "./authenticate.ts";
import { isAutomatic } from "./automatic.ts";
import { type CarryOutParts, carryOut } from "./carry-out.ts";
import { readCommands } from "./commands.ts";
import { type MailFacts, parseFacts } from "./facts.ts";
import { readHeaders } from "./headers.ts";

export interface DeskParts extends CarryOutParts {
  readonly room: CarryOutParts["room"] & Pick<Mailroom, "mail" | "raw" | "series">;
  readonly resolver: Resolver;
  readonly log: Log;
}

/** Waits for the desk: key Message-ID. */
const WAITING = "command-waiting";
/** Was looked at and refused: key Message-ID, value why. For the operator. */
export const REFUSED = "command-refused";
/** Key the signature's hash, value the Message-ID that it came with. */
const SIGNATURE = "command-signature";
/** Key "<address> <Message-ID>": for the limit. */
const COUNTED = "command-mail";
/** Kinds that nobody needs after some weeks, for Mailroom.forgetMails. */
export const DESK_NOTES: readonly string[] = [REFUSED, SIGNATURE, COUNTED];

const DAY = 86_400_000;
/** An answer may come before what it answers, from another source. */
const UNKNOWN_MILLIS = 10 * 60_000;
/** Until DNS is asked again. */
const PAUSE_MILLIS = 60_000;

/** To be kept with what reading the mail gave, so that it is not forgotten in between. */
export function commandNote(messageId: string, at: number): Note {
  return { kind: WAITING, key: messageId, value: "", at };
}

export class CommandDesk {
  readonly #parts: DeskParts;
  /** Mails that DNS had no answer for, and when to ask again. */
  readonly #paused = new Map<string, number>();

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Looks at what waits; whether there was something that could be decided. */
  async next(): Promise<boolean> {
    const { room, now, log } = this.#parts;
    let isBusy = false;
    for (const { key: messageId } of await room.notes(WAITING)) {
      if ((this.#paused.get(messageId) ?? 0) > now()) continue;
      let verdict: Verdict;
      try {
        verdict = await lookAt(this.#parts, messageId);
      } catch (error) {
        // A defect, or a program that is missing: the mail is kept until it is too old.
        log("error", "a command was not looked at", { mail: messageId, error: errorWords(error) });
        this.#paused.set(messageId, now() + PAUSE_MILLIS);
        continue;
      }
      if (verdict.kind === "later") {
        this.#paused.set(messageId, now() + PAUSE_MILLIS);
        log("warn", "a command waits", { mail: messageId, reason: verdict.reason });
        continue;
      }
      this.#paused.delete(messageId);
      if (verdict.kind === "refused") {
        await room.note({ kind: REFUSED, key: messageId, value: verdict.reason, at: now() });
        log("info", "a command was ignored", { mail: messageId, reason: verdict.reason });
      } else if (verdict.kind === "done") {
        log("info", "commands", { mail: messageId, by: verdict.by, evidence: verdict.evidence, done: verdict.done });
      }
      await room.removeNote(WAITING, messageId);
      isBusy = true;
    }
    return isBusy;
  }
}

type Verdict =
  | { readonly kind: "done"; readonly by: string; readonly evidence: string; readonly done: readonly string[] }
  | { readonly kind: "refused" | "later"; readonly reason: string }
  | { readonly kind: "none" };

const refuse = (reason: string): Verdict => ({ kind: "refused", reason });

async function lookAt(parts: DeskParts, messageId: string): Promise<Verdict> {
  const { room, config, now, resolver } = parts;
  const stored = await room.mail(messageId);
  const facts = parseFacts(stored?.facts ?? "");
  const raw = await room.raw(messageId);
  if (stored === undefined || raw === undefined) return { kind: "none" };
  if (facts === undefined) {
    const isOld = stored.receivedAt < now() - config.commands["fresh-hours"] * 3_600_000;
    return isOld ? refuse("it could not be read") : { kind: "later", reason: "it is not filed yet" };
  }
  const automatic = isAutomatic(readHeaders(unwrapSeparator(raw)), config);
  if (automatic !== undefined) return refuse(`written by a program: ${automatic}`);
  const { subjectText: subject } = facts;
  const { body } = await parseMessage({ number: 1, offset: 0, bytes: toLfLines(unwrapSeparator(raw)) });
  if (readCommands({ subject, body }).length === 0) return { kind: "none" };
  const { receivedAt } = stored;
  const { "fresh-hours": freshHours, "patatt-keys": patattKeys } = config.commands;
  const proof = await authenticate(raw, { resolver, receivedAt, now: now(), freshHours, patattKeys });
  if ("refused" in proof) return { kind: proof.again === true ? "later" : "refused", reason: proof.refused };
  if (facts.from?.address.toLowerCase() !== proof.address) return refuse("its From is read in two ways");
  const lines = readCommands({ subject, body: proof.signed?.text ?? body });
  if (lines.length === 0) return refuse("its commands are not in what is signed");
  const used = await usedBefore(parts, proof, messageId);
  if (used) return refuse("its signature was there before, on another mail");
  if (await isTooMuch(parts, proof.address, messageId)) return refuse("too many mails with commands in 24 hours");
  const series = await findAddressed(room, answered(facts, proof));
  if (series === undefined && facts.inReplyTo !== undefined && now() - receivedAt < UNKNOWN_MILLIS) {
    return { kind: "later", reason: "what it answers is not here yet" };
  }
  if (series !== undefined && !(await isMeant(parts, proof, series))) {
    return refuse("what it answers is not signed, and its subject is of something else");
  }
  const isLinked = facts.inReplyTo === undefined || facts.references.includes(facts.inReplyTo);
  const references = isLinked ? facts.references : [...facts.references, facts.inReplyTo as string];
  const done = await carryOut(parts, {
    mail: { messageId, subject, references },
    inReplyTo: facts.inReplyTo,
    by: { ...(facts.from.name === "" ? {} : { name: facts.from.name }), address: proof.address },
    lines,
    series,
  });
  return { kind: "done", by: proof.address, evidence: proof.evidence, done };
}

/** The nearest first; References only where they are signed, since an answer to a mail of ours that we do not have is found by them. */
function answered({ inReplyTo, references }: MailFacts, { covers }: Authentic): string[] {
  const nearest = inReplyTo === undefined ? [] : [inReplyTo];
  return covers.has("references") || !covers.has("in-reply-to") ? [...nearest, ...[...references].reverse()] : nearest;
}

/** patatt signs no In-Reply-To: then the signed subject must be that of a mail of the series. */
async function isMeant(
  { room }: DeskParts,
  { covers, signed }: Authentic,
  { details }: AddressedSeries,
): Promise<boolean> {
  if (covers.has("in-reply-to") || signed === undefined) return true;
  const words = (text: string) => readSubject(text).title.replace(/\s+/g, " ").trim();
  for (const id of details.mails) {
    const facts = parseFacts((await room.mail(id))?.facts ?? "");
    if (facts !== undefined && words(facts.subjectText) === words(signed.title)) return true;
  }
  return false;
}

/** A signature belongs to one mail; looked at again after a crash it is still the same mail's. */
async function usedBefore({ room, now }: DeskParts, { signature }: Authentic, messageId: string): Promise<boolean> {
  if (await room.note({ kind: SIGNATURE, key: signature, value: messageId, at: now() })) return false;
  const notes = await room.notes(SIGNATURE, signature);
  return notes.some(({ key, value }) => key === signature && value !== messageId);
}

async function isTooMuch({ room, config, now }: DeskParts, address: string, messageId: string): Promise<boolean> {
  const key = `${address} ${messageId}`;
  const today = await room.notes(COUNTED, `${address} `, now() - DAY);
  if (today.filter((note) => note.key !== key).length >= config.commands["per-day"]) return true;
  await room.note({ kind: COUNTED, key, value: "", at: now() });
  return false;
}
