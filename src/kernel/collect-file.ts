// Taking a result out of a folder that a job wrote to. Whatever lies there is the job's choice: links that lead out, pipes
// that never end, devices, files of any size.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";

const COMMAND = ["collect"];

/**
 * The bytes of the regular file `relativePath` below `folder`. Links are refused in every component, so the file lies in the
 * folder. Throws ToolError: "not-found", "output-too-big" above `maxBytes`, and "failed" for anything but a regular file.
 */
export function collectFile(folder: string, relativePath: string, maxBytes: number): Uint8Array {
  const parts = relativePath.split("/");
  if (parts.some((part) => part === "" || part === "." || part === ".." || part.includes("\0"))) {
    throw new ToolError("failed", `${JSON.stringify(relativePath)} is not a plain relative path`, { command: COMMAND });
  }
  const open: number[] = [];
  try {
    open.push(openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY));
    for (const [index, part] of parts.entries()) {
      const last = index === parts.length - 1;
      // Through /proc each step starts from the folder that is open, whatever its name leads to by now: openat(2) by other means.
      const path = join(`/proc/self/fd/${open.at(-1)}`, part);
      // Without O_NONBLOCK opening a pipe would wait for its other end.
      const kind = last ? constants.O_NONBLOCK | constants.O_NOCTTY : constants.O_DIRECTORY;
      open.push(openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | kind));
    }
    return readRegular(open.at(-1)!, relativePath, maxBytes);
  } catch (error) {
    if (error instanceof ToolError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new ToolError("not-found", `${relativePath} was not made`, { command: COMMAND, cause: error });
    // ELOOP: a link; ENOTDIR: a file, or a link, in place of a folder; ENXIO: a socket.
    throw new ToolError("failed", `${relativePath} is not a regular file in the job's folder (${code})`, {
      command: COMMAND,
      cause: error,
    });
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
}

function readRegular(descriptor: number, name: string, maxBytes: number): Uint8Array {
  const kind = fstatSync(descriptor);
  if (!kind.isFile()) throw new ToolError("failed", `${name} is not a regular file`, { command: COMMAND });
  const tooBig = (): ToolError =>
    new ToolError("output-too-big", `${name} is larger than ${maxBytes} bytes`, { command: COMMAND });
  if (kind.size > maxBytes) throw tooBig();
  // One byte more than there was: a file that still grows is told from one that does not.
  const bytes = new Uint8Array(kind.size + 1);
  let length = 0;
  while (length < bytes.length) {
    const count = readSync(descriptor, bytes, length, bytes.length - length, length);
    if (count === 0) break;
    length += count;
  }
  if (length > kind.size) throw new ToolError("failed", `${name} is still being written`, { command: COMMAND });
  return bytes.subarray(0, length);
}
