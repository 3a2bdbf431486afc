// node scripts/compare-sframe.ts FOLDER...   every member of each build's vmlinux.a: its .sframe as we read it and as objdump (version 1) or
// llvm-readobj-22 (version 2) does, and its frames as .debug_frame has them. A difference is told and counted; the exit status is 1 then.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Compared, compareSFrame } from "../test/support/sframe-dumps.ts";
import { compareWithDwarf } from "../test/support/sframe-dwarf.ts";

for (const build of process.argv.slice(2)) {
  const sum: Compared = { objects: 0, functions: 0, rows: 0 };
  let without = 0;
  let different = 0;
  let bytes = 0;
  let realigned = 0;
  const members = execFileSync("ar", ["t", "vmlinux.a"], { cwd: build, encoding: "utf8", maxBuffer: 1 << 26 });
  for (const member of members.trim().split("\n")) {
    try {
      if (!compareSFrame(join(build, member), sum)) {
        without++;
        continue;
      }
      const dwarf = compareWithDwarf(join(build, member));
      bytes += dwarf.bytes;
      realigned += dwarf.without;
      if (dwarf.without > 0) console.log(`${member}: ${dwarf.without} realigned functions are in .debug_frame alone`);
    } catch (error) {
      different++;
      process.exitCode = 1;
      console.log(`${member}: ${error instanceof Error ? error.message.slice(0, 2000) : error}`);
    }
  }
  const { objects, functions, rows } = sum;
  console.log(
    `${build}: ${objects} objects with ${functions} functions and ${rows} rows are equal, ${different} differ, ${without} have no .sframe`,
  );
  console.log(`${bytes} bytes of code as .debug_frame has them, ${realigned} realigned functions are in it alone`);
}
