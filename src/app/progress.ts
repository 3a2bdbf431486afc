// The check of a review that is under way. It is told now and then; what is lost of it is told the next time.

import { type Phase, progressCheck } from "../github/check-run.ts";
import { safeProse } from "../report/safe.ts";
import { errorWords, type Log } from "../service/log.ts";
import { changeCheck, findCheck } from "./checks.ts";
import type { Api } from "./client.ts";
import type { Repository } from "./work-request.ts";

export interface ProgressParts {
  readonly api: Api;
  readonly repository: Repository;
  readonly appId: number;
  readonly head: string;
  readonly review: string;
  readonly log: Log;
  /** Milliseconds between two calls. */
  readonly every: number;
}

const NAMES = ["Fetch", "Review"] as const;
export type PhaseName = (typeof NAMES)[number];

export class CheckProgress {
  readonly #parts: ProgressParts;
  readonly #startedAt = new Date().toISOString();
  #check: number | undefined;
  #phases: Phase[] = NAMES.map((name) => ({ name, state: "next" }));
  #began = performance.now();
  #isDirty = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#flush(), parts.every).unref();
  }

  /** Begins a phase; those before it are done. */
  phase(name: PhaseName): void {
    const millis = performance.now() - this.#began;
    this.#began = performance.now();
    const at = NAMES.indexOf(name);
    this.#phases = this.#phases.map((phase, i) => {
      if (i < at) return phase.state === "now" ? { name: phase.name, state: "done", millis } : phase;
      return { name: phase.name, state: i === at ? "now" : "next" };
    });
    this.#isDirty = true;
    this.#flush();
  }

  /** `text` may hold words of the patch. */
  detail(text: string): void {
    const detail = safeProse(text, 80);
    this.#phases = this.#phases.map((phase) => (phase.state === "now" ? { ...phase, detail } : phase));
    this.#isDirty = true;
  }

  /** After this nothing is told any more: the end of the review is the speaker's to tell. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #flush(): void {
    if (this.#isClosed || !this.#isDirty || this.#running !== undefined) return;
    this.#isDirty = false;
    this.#running = this.#tell()
      .catch((error: unknown) => {
        this.#parts.log("warn", "progress", { review: this.#parts.review, error: errorWords(error) });
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #tell(): Promise<void> {
    const { api, repository, appId, head, review } = this.#parts;
    if (this.#check === undefined) {
      // The speaker makes it, so that there is one. Until then there is nothing to change.
      const known = await findCheck(api, repository, appId, head, review);
      if (known === undefined || known.isCompleted) return;
      this.#check = known.id;
    }
    if (this.#isClosed) return;
    await changeCheck(api, repository, this.#check, progressCheck(this.#phases, this.#startedAt));
  }
}
