// What a person sees while set-up works: on a terminal one line that is rewritten, elsewhere (CI logs) a line every few seconds.
// All of it goes to stderr, because stdout belongs to the task.

const TERMINAL_MS = 200;
const LOG_MS = 3000;

/** Called by a step with what it is at: "43,210 files", "CC kernel/exit.o". */
export type Report = (detail: string) => void;

export interface StepTime {
  readonly title: string;
  readonly seconds: number;
}

const times: StepTime[] = [];

/** Runs one step with its progress shown; its time is kept for `stepTimes()`. */
export async function step<T>(title: string, work: (report: Report) => Promise<T>): Promise<T> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const terminal = process.stderr.isTTY === true;
  let detail = "";
  const show = (text: string, last: boolean): void => {
    const line = `[set-up] ${title}: ${text}`;
    if (!terminal) process.stderr.write(`${line}\n`);
    else process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns || 80) - 1)}${last ? "\n" : ""}`);
  };
  show("started", false);
  const ticker = setInterval(
    () => show(`${seconds().toFixed(0)} s${detail === "" ? "" : `, ${detail}`}`, false),
    terminal ? TERMINAL_MS : LOG_MS,
  );
  try {
    const result = await work((text) => {
      detail = text;
    });
    clearInterval(ticker);
    show(`done in ${seconds().toFixed(1)} s`, true);
    return result;
  } catch (error) {
    clearInterval(ticker);
    show(`failed after ${seconds().toFixed(1)} s`, true);
    throw error;
  } finally {
    times.push({ title, seconds: seconds() });
  }
}

/** The steps that ran in this process, in their order. */
export function stepTimes(): readonly StepTime[] {
  return times;
}
