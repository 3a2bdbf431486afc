// A public-inbox archive: git repositories with a mail a commit, one epoch behind the other.

import { z } from "zod";
import { ToolError } from "../../base/errors.ts";
import { ensureFolder } from "../../kernel/state-folder.ts";
import type { MailSource } from "../source.ts";
import type { Archive } from "./archive.ts";
import { type Clones, openClones } from "./clones.ts";
import { type FilledEpoch, readCommits } from "./commits.ts";
import { type ConfigOf, fileFailure, pause } from "./gather.ts";
import { openMirror } from "./mirror.ts";
import { type Reached, restartPoint } from "./rewritten.ts";

const DAY_SECONDS = 24 * 3600;

export function openPublicInbox(
  config: ConfigOf<"public-inbox">,
  parts: { readonly state: string; readonly now: () => number },
): MailSource {
  const name = `public-inbox:${config.name}`;
  const days = config["since-days"] * DAY_SECONDS;
  let clones: Clones | undefined;
  const look = (signal: AbortSignal, skipped: (what: string) => void): Promise<Archive> => {
    const folder = ensureFolder(parts.state, "sources", config.name);
    if (config.at.startsWith("/")) return openMirror(config.at, folder, skipped);
    clones ??= openClones(config.at, folder);
    return clones.look(signal);
  };

  return {
    name,
    async *read(cursor, signal, skipped) {
      const started = Math.floor(parts.now() / 1000);
      const place = readCursor(cursor);
      try {
        const archive = await look(signal, skipped);
        // None of them is there any more: another archive under the same name.
        if (!archive.numbers.some((number) => place.has(number))) place.clear();
        const since = place.size === 0 ? started - days : undefined;
        // Epochs below the lowest that is known were passed over on the first run.
        const lowest = Math.min(...place.keys());
        const numbers =
          since === undefined
            ? archive.numbers.filter((number) => number >= lowest)
            : await newest(archive, since, signal);
        for (const number of numbers) {
          if (signal.aborted) return;
          const epoch = await archive.open(number, since, signal);
          const reached = place.get(number);
          if (reached !== undefined && reached.commit === (epoch.head ?? "")) continue;
          if (epoch.head === undefined) {
            // Whatever comes into it comes after the first run.
            if (reached === undefined) {
              place.set(number, { commit: "", mail: "", at: started });
              yield { mails: [], cursor: writeCursor(place) };
            }
            continue;
          }
          const filled: FilledEpoch = { ...epoch, head: epoch.head };
          const from =
            reached === undefined ? { since } : await restartPoint(archive.version, filled, reached, days, skipped);
          for await (const step of readCommits(archive.version, filled, from, signal, skipped)) {
            const mail = step.lastMail ?? place.get(number)?.mail ?? "";
            place.set(number, { commit: step.commit, mail, at: started });
            yield { mails: step.mails, cursor: writeCursor(place) };
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Error && "syscall" in error) throw fileFailure(name, config.at, error);
        if (!(error instanceof ToolError)) throw error;
        throw new ToolError(error.code, `${name}: ${error.message}`, {
          command: error.command,
          exitCode: error.exitCode,
          stderrTail: error.stderrTail,
          cause: error,
        });
      }
    },
    wait: (signal) => pause(config["poll-minutes"] * 60_000, signal),
    close: async () => {},
  };
}

/** The epochs of the first run: the newest, and before it as many as reach into the days that are wanted. */
async function newest(archive: Archive, since: number, signal: AbortSignal): Promise<number[]> {
  const chosen: number[] = [];
  for (const number of archive.numbers.toReversed()) {
    chosen.unshift(number);
    const { git, head } = await archive.open(number, since, signal);
    if (head === undefined) continue;
    const first = await git.runOk(["log", "--first-parent", "--max-parents=0", "--format=%ct", head]);
    // One that begins before that day has all that is wanted. A clone that is cut off there is followed by one that has nothing new in it, and ends it.
    if (first.stdout.split("\n").some((line) => line !== "" && Number(line) < since)) break;
  }
  return chosen;
}

/** Epoch -> how far it was read, as JSON. */
const cursorSchema = z.record(
  z.string().regex(/^\d{1,4}$/),
  z.tuple([z.string().regex(/^([0-9a-f]{40,64})?$/), z.string().regex(/^([0-9a-f]{40,64})?$/), z.number()]),
);

function readCursor(cursor: string | undefined): Map<number, Reached> {
  if (cursor === undefined) return new Map();
  let value: unknown;
  try {
    value = JSON.parse(cursor);
  } catch {
    return new Map();
  }
  const parsed = cursorSchema.safeParse(value);
  if (!parsed.success) return new Map();
  return new Map(
    Object.entries(parsed.data).map(([number, [commit, mail, at]]) => [Number(number), { commit, mail, at }]),
  );
}

function writeCursor(place: ReadonlyMap<number, Reached>): string {
  return JSON.stringify(
    Object.fromEntries([...place].map(([number, { commit, mail, at }]) => [number, [commit, mail, at]])),
  );
}
