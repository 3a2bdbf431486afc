/** Progress for people on standard error: on a terminal one line that is overwritten, elsewhere a line when there is something new. */
export interface ProgressPrinter {
  line(text: string): void;
  done(): void;
}

const QUIET_MILLIS = 1000;

export function openProgress(stream: {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}): ProgressPrinter {
  const began = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  let held: string | undefined;
  let shown = "";
  const stamp = (): string => `${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  `;
  const print = (text: string): void => {
    last = performance.now();
    held = undefined;
    shown = text;
    if (stream.isTTY === true) stream.write(`\r\u001b[2K${(stamp() + text).slice(0, (stream.columns ?? 80) - 1)}`);
    else stream.write(`${stamp()}${text}\n`);
  };
  const tick = setInterval(() => {
    if (held !== undefined) print(held);
    else if (stream.isTTY === true && shown !== "") print(shown);
    else if (performance.now() - last > 5000 && shown !== "") print(`${shown} ...`);
  }, QUIET_MILLIS);
  tick.unref();
  return {
    line(text) {
      const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, 200);
      // Steps that follow each other quickly are thinned out; the last one of a burst is shown by the tick.
      if (performance.now() - last < QUIET_MILLIS / 4) held = clean;
      else print(clean);
    },
    done() {
      clearInterval(tick);
      if (stream.isTTY === true && shown !== "") stream.write("\r\u001b[2K");
      else if (held !== undefined) print(held);
    },
  };
}
