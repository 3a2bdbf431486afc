import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSavedCommand, savedCommandPath } from "../../src/kernel/saved-command.ts";
import { kernelBuildFolder } from "./kernel-objects.ts";

/**
 * Compiles a kernel object again by the command that kbuild left in the default build, with `flags` behind it.
 * @returns path of the new object, in `folder`
 */
export function compileAgain(folder: string, object: string, flags: readonly string[]): string {
  const build = kernelBuildFolder();
  const commandFile = join(build, savedCommandPath(object));
  const { compile } = readSavedCommand(readFileSync(commandFile, "utf8"), commandFile);
  const output = join(folder, `${object}${flags.join("")}`.replaceAll("/", "_"));
  const moved = compile.replace(/ -Wp,-MMD,\S+/, "").replace(` -o ${object} `, ` ${flags.join(" ")} -o ${output} `);
  assert.ok(moved.includes(output), `no output to move in ${commandFile}`);
  execFileSync("sh", ["-c", moved], { cwd: build, stdio: ["ignore", "ignore", "inherit"] });
  return output;
}
