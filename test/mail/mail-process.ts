// `objreview mail watch` in a process that a test may kill: all is as it is when people start it, but for shorter waits, a clock that may be ahead, so that the
// leases of a process that was killed end at once, and a review that needs no kernel: every added line "DEFECT name" is a finding.

import { readFileSync } from "node:fs";
import { mailWatchCommand } from "../../src/cli/mail.ts";
import { splitMbox } from "../../src/patch/mbox.ts";
import { resultOfTexts } from "./running.ts";

const { TEST_AHEAD_SECONDS = "0", TEST_CONFIG = "" } = process.env;
const ahead = Number(TEST_AHEAD_SECONDS) * 1000;
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
const io = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
};
process.exitCode = await mailWatchCommand({ config: TEST_CONFIG }, io, {
  env: process.env,
  signal: stop.signal,
  stdin: process.stdin,
  parts: {
    now: () => Date.now() + ahead,
    retrySeconds: 0,
    pace: {
      idleMillis: 30,
      beatMillis: 500,
      sweepMillis: 300,
      weeklyMillis: 60_000,
      upkeepMillis: 60_000,
      drainMillis: 2000,
    },
    async review(_, { series, signal }) {
      if (!("mbox" in series)) throw new Error("the test reviews mailboxes");
      const texts = splitMbox(readFileSync(series.mbox)).map(({ bytes }, i) => ({
        number: i + 1,
        text: new TextDecoder().decode(bytes),
      }));
      // As long as it takes to be killed in it.
      await new Promise((done) => setTimeout(done, 150));
      signal.throwIfAborted();
      return resultOfTexts(texts);
    },
  },
});
