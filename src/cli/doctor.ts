import { type DoctorCheck, examine, probeMachine } from "../kernel/doctor.ts";
import { loadProfiles } from "../kernel/profile.ts";
import { locateState } from "../kernel/state-folder.ts";
import type { CommandIo } from "./check.ts";

const MARK: Readonly<Record<DoctorCheck["state"], string>> = { good: "ok", limited: "limited", missing: "MISSING" };

/**
 * `objreview doctor`: what is installed, what is missing, what each missing thing costs, the command to get it.
 * @returns exit status: 0 reviews are possible, 1 something that a review needs is missing
 */
export async function doctorCommand(
  options: { readonly json?: boolean },
  env: Readonly<Record<string, string | undefined>>,
  io: CommandIo,
): Promise<number> {
  const checks = examine(await probeMachine(locateState(env)));
  const profiles = [...loadProfiles().values()].map(({ name, summary }) => ({ name, summary }));
  const isReady = checks.every((check) => check.state !== "missing");
  if (options.json === true) {
    io.out(`${JSON.stringify({ version: "1.0", ready: isReady, checks, profiles }, undefined, 2)}\n`);
    return isReady ? 0 : 1;
  }
  const width = Math.max(...checks.map((check) => check.name.length));
  for (const check of checks) {
    io.out(`${MARK[check.state].padEnd(8)} ${check.name.padEnd(width)}  ${check.found ?? "not found"}\n`);
    if (check.state === "good") continue;
    io.out(`${" ".repeat(9)}needed for ${check.neededFor}; without it: ${check.cost}\n`);
    if (check.command !== undefined) io.out(`${" ".repeat(9)}get it: ${check.command}\n`);
  }
  io.out("\nProfiles (--profile):\n");
  for (const { name, summary } of profiles) io.out(`  ${name}\n      ${summary}\n`);
  const limited = checks.filter((check) => check.state === "limited").length;
  const missing = checks.filter((check) => check.state === "missing").length;
  const lost = limited === 0 ? "" : ` ${limited} ${limited === 1 ? "thing is" : "things are"} lost, see above.`;
  io.out(isReady ? `\nReviews are possible here.${lost}\n` : `\nNo review is possible here: ${missing} missing.\n`);
  return isReady ? 0 : 1;
}
