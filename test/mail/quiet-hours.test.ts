import assert from "node:assert/strict";
import { test } from "node:test";
import { afterQuietHours } from "../../src/mail/quiet-hours.ts";

const NIGHT = { from: "22:00", to: "07:30", zone: "Europe/Berlin" };

function after(time: string, ...hours: { from: string; to: string; zone: string }[]): string | undefined {
  const at = afterQuietHours(Date.parse(time), hours);
  return at === undefined ? undefined : new Date(at).toISOString();
}

test("outside of the quiet hours a mail goes out at once", () => {
  assert.equal(after("2026-11-02T12:34:56.789Z", NIGHT), "2026-11-02T12:34:56.789Z");
  assert.equal(after("2026-11-02T12:34:56.789Z"), "2026-11-02T12:34:56.789Z");
  assert.equal(after("2026-11-02T06:30:00Z", NIGHT), "2026-11-02T06:30:00.000Z", "the end is outside");
  assert.equal(after("2026-11-02T20:59:59Z", NIGHT), "2026-11-02T20:59:59.000Z");
});

test("inside it waits for their end, over midnight and by the zone's clock", () => {
  assert.equal(after("2026-11-02T21:00:00Z", NIGHT), "2026-11-03T06:30:00.000Z", "the beginning is inside");
  assert.equal(after("2026-11-03T03:00:30Z", NIGHT), "2026-11-03T06:30:00.000Z");
  assert.equal(after("2026-07-02T20:30:00Z", NIGHT), "2026-07-03T05:30:00.000Z", "in summer an hour earlier");
  assert.equal(after("2026-11-02T10:00:00Z", { from: "09:00", to: "17:00", zone: "UTC" }), "2026-11-02T17:00:00.000Z");
  assert.equal(
    after("2026-11-02T18:00:00Z", { from: "22:00", to: "07:00", zone: "Asia/Kolkata" }),
    "2026-11-03T01:30:00.000Z",
    "half-hour zones",
  );
});

test("where the clock is put forward or back in the night, they end by the clock on the wall", () => {
  // 2026-03-29 01:00Z: 02:00 becomes 03:00. 2026-10-25 01:00Z: 03:00 becomes 02:00.
  assert.equal(after("2026-03-28T22:00:00Z", NIGHT), "2026-03-29T05:30:00.000Z");
  assert.equal(after("2026-10-24T21:00:00Z", NIGHT), "2026-10-25T06:30:00.000Z");
  const gap = { from: "22:00", to: "02:30", zone: "Europe/Berlin" };
  assert.equal(
    after("2026-03-28T22:00:00Z", gap),
    "2026-03-29T01:00:00.000Z",
    "02:30 is not there that night: 03:00 is",
  );
  assert.equal(
    after("2026-10-25T00:00:00Z", gap),
    "2026-10-25T00:30:00.000Z",
    "02:30 comes twice: the first ends them",
  );
  assert.equal(
    after("2026-10-25T01:00:00Z", gap),
    "2026-10-25T01:30:00.000Z",
    "and the hour that comes again is quiet again",
  );
});

test("quiet hours of several lists are all kept, one after the other", () => {
  const morning = { from: "07:00", to: "09:00", zone: "Europe/Berlin" };
  assert.equal(after("2026-11-02T23:00:00Z", morning, NIGHT), "2026-11-03T08:00:00.000Z");
  const day = { from: "07:30", to: "22:00", zone: "Europe/Berlin" };
  assert.equal(after("2026-11-02T23:00:00Z", day, NIGHT), undefined, "together they never end");
});

test("an empty span is none", () => {
  assert.equal(after("2026-11-02T08:00:00Z", { from: "08:00", to: "08:00", zone: "UTC" }), "2026-11-02T08:00:00.000Z");
});

test("by the minute against a clock that counts the slow way, over a year of many zones", () => {
  for (const zone of ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "America/Sao_Paulo"]) {
    const hours = { from: "21:45", to: "06:15", zone };
    const clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    const isQuiet = (time: number) => {
      const wall = clock.format(time);
      return wall >= "21:45" || wall < "06:15";
    };
    for (let day = 0; day < 365; day += 3) {
      const time = Date.UTC(2026, 0, 1) + day * 86_400_000 + ((day * 7919) % 1440) * 60_000;
      const at = afterQuietHours(time, [hours])!;
      assert.ok(!isQuiet(at), `${zone} ${new Date(at).toISOString()}`);
      if (at === time) continue;
      assert.ok(isQuiet(time) && isQuiet(at - 60_000), `${zone} ${new Date(time).toISOString()}: not the first minute`);
    }
  }
});
