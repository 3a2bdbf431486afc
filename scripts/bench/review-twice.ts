// node review-twice.ts TREE PATCH: reviews the patch three times in one process and prints the seconds and phases of the last.
import { type ReviewEnvironment, type ReviewOptions, reviewCommand } from "../../src/cli/review.ts";

const [tree = "", patch = ""] = process.argv.slice(2);
const options: ReviewOptions = {
  tree,
  base: "HEAD",
  patch: [patch],
  format: "json",
  cache: true,
  sandbox: "bwrap",
};
const environment: ReviewEnvironment = {
  env: process.env,
  signal: new AbortController().signal,
  progress: { line: () => undefined, done: () => undefined },
  colour: false,
};
let json = "";
let seconds = 0;
for (let n = 0; n < 3; n++) {
  json = "";
  const began = performance.now();
  const status = await reviewCommand(
    options,
    {
      out: (text) => {
        json += text;
      },
      err: (text) => void process.stderr.write(text),
    },
    environment,
  );
  if (status > 1) process.exit(status);
  seconds = (performance.now() - began) / 1000;
}
process.stdout.write(JSON.stringify({ seconds, timings: JSON.parse(json).timings }));
