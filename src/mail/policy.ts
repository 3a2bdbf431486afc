// What may be said of a series: the policies of all lists that it came to, as one. The strictest wins in everything.

import type { ListPolicy, MailConfig } from "./config.ts";

export interface Policy {
  /** Addresses of the lists that it is made from. */
  readonly lists: readonly string[];
  readonly reply: ListPolicy["reply"];
  /** The list that says so, for the reason of a silence. */
  readonly replySaidBy: string;
  /** Besides, without the lists themselves. */
  readonly cc: readonly string[];
  readonly severity: ListPolicy["severity"];
  readonly tellBroken: boolean;
  readonly embargoHours: number;
  readonly lateHours: number;
  readonly quietHours: readonly NonNullable<ListPolicy["quiet-hours"]>[];
  readonly perAuthor: number;
  /** For each list its own. */
  readonly perDay: ReadonlyMap<string, number>;
}

const REPLY_ORDER = { silent: 0, author: 1, list: 2 } as const;
const SEVERITY_ORDER = { error: 0, warning: 1, note: 2 } as const;

/**
 * The lists of the config that are meant by any of `names`: addresses that a mail was sent to or copied to, and List-Ids that it came with, in brackets or
 * not, in any case.
 */
export function listsOf(config: Pick<MailConfig, "lists">, names: readonly string[]): ListPolicy[] {
  const wanted = new Set(
    names.map((name) =>
      name
        .trim()
        .replace(/^<(.*)>$/, "$1")
        .toLowerCase(),
    ),
  );
  return config.lists.filter(
    (list) => wanted.has(list.address) || (list["list-id"] !== undefined && wanted.has(list["list-id"].toLowerCase())),
  );
}

function strictest<T>(values: readonly T[], order: (value: T) => number): T {
  return values.reduce((least, value) => (order(value) < order(least) ? value : least));
}

/** Undefined where there is no list: then nothing may be said. */
export function joinPolicies(lists: readonly ListPolicy[]): Policy | undefined {
  if (lists.length === 0) return undefined;
  const quietest = strictest(lists, (list) => REPLY_ORDER[list.reply]);
  const addresses = lists.map((list) => list.address);
  return {
    lists: addresses,
    reply: quietest.reply,
    replySaidBy: quietest.address,
    cc: [...new Set(lists.flatMap((list) => list.cc))].filter((address) => !addresses.includes(address)),
    severity: strictest(
      lists.map((list) => list.severity),
      (severity) => SEVERITY_ORDER[severity],
    ),
    tellBroken: lists.every((list) => list["tell-broken"]),
    embargoHours: Math.max(...lists.map((list) => list["embargo-hours"])),
    lateHours: Math.min(...lists.map((list) => list["late-hours"])),
    quietHours: lists.flatMap((list) => (list["quiet-hours"] === undefined ? [] : [list["quiet-hours"]])),
    perAuthor: Math.min(...lists.map((list) => list.limits["per-author"])),
    perDay: new Map(lists.map((list) => [list.address, list.limits["per-day"]])),
  };
}

/** Grave enough for a mail of its own. */
export function isWorthMail(severity: ListPolicy["severity"], floor: ListPolicy["severity"]): boolean {
  return SEVERITY_ORDER[severity] <= SEVERITY_ORDER[floor];
}
