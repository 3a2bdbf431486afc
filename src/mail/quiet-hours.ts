// Hours in which no mail is sent, by the clock on the wall of a time zone: summer time moves them along.

export interface QuietHours {
  /** "22:00"; behind `to` where they span midnight. The two the same: no quiet hours. */
  readonly from: string;
  readonly to: string;
  readonly zone: string;
}

const MINUTE = 60_000;
/** Two days by the minute: longer than any quiet hours with a change of the clock in them. */
const MAX_MINUTES = 2 * 24 * 60;
/** Hours that several lists keep one after the other. */
const MAX_ROUNDS = 20;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes since midnight on the wall. */
function wallMinutes(time: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    // "h23": midnight is 00 and not 24.
    format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    formats.set(zone, format);
  }
  return readClock(format.format(time));
}

function readClock(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
}

function isQuiet(time: number, { from, to, zone }: QuietHours): boolean {
  const [start, end, now] = [readClock(from), readClock(to), wallMinutes(time, zone)];
  return start <= end ? now >= start && now < end : now >= start || now < end;
}

/** The first full minute from `time` on (milliseconds since 1970) that is outside; `time` itself where it is; undefined: there is none. */
function endOf(time: number, hours: QuietHours): number | undefined {
  if (!isQuiet(time, hours)) return time;
  const minute = Math.floor(time / MINUTE) * MINUTE;
  for (let i = 1; i <= MAX_MINUTES; i++) if (!isQuiet(minute + i * MINUTE, hours)) return minute + i * MINUTE;
  return undefined;
}

/** When mail may go out that is ready at `time`, both in milliseconds since 1970: `time` itself, or later; undefined: never. */
export function afterQuietHours(time: number, all: readonly QuietHours[]): number | undefined {
  let at = time;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = at;
    for (const hours of all) {
      const end = endOf(at, hours);
      if (end === undefined) return undefined;
      at = end;
    }
    if (at === before) return at;
  }
  return undefined;
}
