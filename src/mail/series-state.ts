// What a series is fit for, and why.

import type { AssembledSeries, AssembleOptions } from "./assembled.ts";
import type { Draft } from "./drafts.ts";
import type { MailFacts } from "./facts.ts";
import { describeReplaced } from "./partial-rerolls.ts";
import { placeOf } from "./patch-mail.ts";

const MAX_NAMED = 20;

export function stateOf(draft: Draft, options: AssembleOptions): Pick<AssembledSeries, "state" | "reason" | "missing"> {
  if (draft.isPull) return { state: "pull-request", reason: "a pull request", missing: [] };
  const missing = numbersWithoutDiff(draft);
  const have = draft.total - missing.length;
  if (draft.total > options.maxPatches)
    return tooBig(`${draft.total} patches, at most ${options.maxPatches} are reviewed`, missing);
  const bytes = [...draft.patches.values()].reduce((sum, mail) => sum + mail.size, 0);
  if (bytes > options.maxBytes) return tooBig(`${bytes} bytes, at most ${options.maxBytes} are reviewed`, missing);
  const [single] = draft.patches.values();
  if (!draft.isNumbered && single !== undefined && isOutOfPlace(single) && !single.subject.isReply)
    return { state: "not-a-patch", reason: outOfPlace(single), missing: [1] };
  const trouble = [...draft.patches]
    .filter(([, mail]) => mail.diff === undefined)
    .sort(([left], [right]) => left - right)
    .map(([number, mail]) => `${draft.isNumbered ? `${number}/${draft.total}: ` : ""}${mail.damage ?? "no diff in it"}`)
    .slice(0, MAX_NAMED);
  if (have === 0 && draft.patches.size > 0) return { state: "not-a-patch", reason: clean(trouble.join("; ")), missing };
  const replaced =
    draft.replaced === undefined ? "" : `, ${describeReplaced(draft)} replaced in v${draft.base?.version ?? 1}`;
  const count = `${have} of ${draft.total} ${draft.total === 1 ? "patch" : "patches"}${replaced}`;
  if (missing.length === 0) return { state: "complete", reason: count, missing };
  const named = missing.slice(0, MAX_NAMED).join(", ") + (missing.length > MAX_NAMED ? ", ..." : "");
  return { state: "incomplete", reason: clean([`${count}, missing ${named}`, ...trouble].join("; ")), missing };
}

const isOutOfPlace = (mail: MailFacts): boolean => mail.subject.number !== undefined && placeOf(mail) === undefined;
const outOfPlace = (mail: MailFacts): string => `${mail.subject.number}/${mail.subject.total} is no place in a series`;

function tooBig(reason: string, missing: readonly number[]): Pick<AssembledSeries, "state" | "reason" | "missing"> {
  return { state: "too-big", reason, missing };
}

function numbersWithoutDiff(draft: Draft): number[] {
  const missing: number[] = [];
  for (let number = 1; number <= draft.total; number++)
    if (draft.patches.get(number)?.diff === undefined) missing.push(number);
  return missing;
}

function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").slice(0, 1000);
}
