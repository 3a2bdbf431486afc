import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { MailRun } from "./mail-run.ts";
import { print } from "./measure.ts";

const COUNTS = [1000, 5000, 10_000, 50_000];
const RUN = fileURLToPath(new URL("mail-run.ts", import.meta.url));

/** Mails through the service's own steps, each number in a process of its own: what one costs, and whether memory grows with their number. */
export function benchMail(): void {
  print(
    "mails | MB | series | mails/s | deliver, file, plan ms/mail | of it read, keys ms/mail | peak MB resident, live after a collection",
  );
  for (const count of COUNTS) {
    const run = JSON.parse(
      execFileSync(process.execPath, ["--expose-gc", RUN, String(count)], { encoding: "utf8" }),
    ) as MailRun;
    const { deliver, file, plan } = run.seconds;
    const each = (seconds: number): string => ((seconds * 1000) / run.mails).toFixed(2);
    print(
      [
        run.mails,
        run.megabytes.toFixed(0),
        `${run.series} (${run.ordered} ordered)`,
        (run.mails / (deliver + file + plan)).toFixed(0),
        `${each(deliver)}, ${each(file)}, ${each(plan)}`,
        `${run.readMillis.toFixed(2)}, ${run.keysMillis.toFixed(2)}`,
        `${(run.peakBytes / 1e6).toFixed(0)}, ${(run.liveBytes / 1e6).toFixed(0)}`,
      ].join(" | "),
    );
  }
}
