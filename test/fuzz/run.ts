import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { makeCase } from "./engine.ts";
import { fuzz } from "./fuzz.ts";
import { targets } from "./targets.ts";

// node test/fuzz/run.ts --seconds N --seed S [--target NAME]       fuzz, each target for its share of the time
// node test/fuzz/run.ts --target NAME --seed S --case N [--out F]  one case again, in this thread; F gets its bytes

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    case: { type: "string" },
    out: { type: "string" },
  },
});
const seed = Number(values.seed);
const chosen = targets.filter((target) => values.target === undefined || target.name === values.target);
if (chosen.length === 0) {
  console.error(`no target ${values.target}; there are ${targets.map((target) => target.name).join(", ")}`);
  process.exit(2);
}

if (values.case !== undefined) {
  for (const target of chosen) {
    const { bytes, random } = makeCase(target, target.seeds(), seed, Number(values.case));
    if (values.out !== undefined) writeFileSync(values.out, bytes);
    console.log(`${target.name} case ${values.case}: ${bytes.length} bytes`);
    target.read(bytes, random);
    console.log("read without an error");
  }
} else {
  const share = (Number(values.seconds) * 1000) / chosen.length;
  for (const target of chosen) {
    const { figures, failures } = await fuzz(target.name, seed, share);
    const errors = Object.entries(figures.errors)
      .sort((a, b) => b[1] - a[1])
      .map(([code, count]) => `${code} ${count}`)
      .join(", ");
    console.log(
      `${figures.target}: ${figures.cases} cases, ${figures.values} values, ` +
        `slowest ${figures.slowestMillis.toFixed(1)} ms (case ${figures.slowestCase})${errors === "" ? "" : `; ${errors}`}`,
    );
    for (const failure of failures) {
      console.log(`FAILED ${failure.target} --seed ${failure.seed} --case ${failure.number}\n${failure.problem}`);
      process.exitCode = 1;
    }
  }
}
