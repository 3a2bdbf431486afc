/** Progress for people on standard error: on a terminal one line that is overwritten, elsewhere a line when there is something new. */
export interface ProgressPrinter {
  line(text: string): void;
  done(): void;
}

const TICK_MILLIS = 1000;
/** Lines that follow each other more quickly are thinned out; the last one of a burst is shown by the tick. */
const TERMINAL_GAP_MILLIS = 100;
const LOG_GAP_MILLIS = 900;
/** What takes an hour needs no line a second: the gap grows with the time, up to this. */
const LONGEST_LOG_GAP_MILLIS = 20_000;
const GAPS_IN_ALL = 60;
/** In a log, a sign of life at least this often, or after the gap of that time. */
const ALIVE_MILLIS = 10_000;

export function openProgress(stream: {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}): ProgressPrinter {
  const isTerminal = stream.isTTY === true;
  const began = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  let held: string | undefined;
  let shown = "";
  const gap = (): number => {
    if (isTerminal) return TERMINAL_GAP_MILLIS;
    const growing = (performance.now() - began) / GAPS_IN_ALL;
    return Math.min(LONGEST_LOG_GAP_MILLIS, Math.max(LOG_GAP_MILLIS, growing));
  };
  const stamp = (): string => `${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  `;
  const write = (text: string): void => {
    last = performance.now();
    if (isTerminal) stream.write(`\r\u001b[2K${(stamp() + text).slice(0, (stream.columns || 80) - 1)}`);
    else stream.write(`${stamp()}${text}\n`);
  };
  const print = (text: string): void => {
    held = undefined;
    shown = text;
    write(text);
  };
  const tick = setInterval(() => {
    if (held !== undefined) {
      if (performance.now() - last >= gap()) print(held);
    } else if (shown === "") return;
    else if (isTerminal) write(shown);
    else if (performance.now() - last > Math.max(ALIVE_MILLIS, gap())) write(`${shown} (still at it)`);
  }, TICK_MILLIS);
  tick.unref();
  return {
    line(text) {
      const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, 200);
      if (performance.now() - last < gap()) held = clean;
      else print(clean);
    },
    done() {
      clearInterval(tick);
      if (isTerminal) {
        if (shown !== "") stream.write("\r\u001b[2K");
      } else if (held !== undefined) print(held);
    },
  };
}
