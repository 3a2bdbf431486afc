// The weeks of a weekly digest: they end on a day of the week at a time on the wall of a zone, and are as long as the clock makes them.

import type { MailConfig } from "./config.ts";

type Weekly = MailConfig["weekly"][number];

export interface Week {
  /** Milliseconds since 1970; the end is the beginning of the next one. */
  readonly start: number;
  readonly end: number;
  /** Dates on the wall where it begins and ends, "2026-11-02". */
  readonly first: string;
  readonly last: string;
}

const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
const DAY = 86_400_000;

/** The last week that has ended at `now`. */
export function lastWeek(now: number, { weekday, at, zone }: Pick<Weekly, "weekday" | "at" | "zone">): Week {
  const minutes = Number(at.slice(0, 2)) * 60 + Number(at.slice(3, 5));
  // By the date on the wall, as if it were one of UTC's, so that a day is always as long.
  const today = Math.floor(wall(now, zone) / DAY);
  for (let back = 0; ; back++) {
    const day = today - back;
    if (new Date(day * DAY).getUTCDay() !== DAYS.indexOf(weekday)) continue;
    const end = instant(day * DAY + minutes * 60_000, zone);
    if (end > now) continue;
    const first = day - 7;
    return { start: instant(first * DAY + minutes * 60_000, zone), end, first: dateOf(first), last: dateOf(day) };
  }
}

function dateOf(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10);
}

/** What the clock on the wall shows, as if that were UTC. */
function wall(time: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    hourCycle: "h23",
  }).formatToParts(time);
  const value = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value);
  return Date.UTC(value("year"), value("month") - 1, value("day"), value("hour"), value("minute"), value("second"));
}

/** When the wall shows that; where the clock is put forward over it, as much later. */
function instant(shown: number, zone: string): number {
  let time = shown - (wall(shown, zone) - shown);
  time = shown - (wall(time, zone) - time);
  return time;
}
