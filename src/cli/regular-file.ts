import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { UsageError } from "../base/errors.ts";

/** Opens a regular file for reading; the caller closes it. A device or a pipe could be endless, and is refused. Throws UsageError. */
export function openRegular(name: string): number {
  let fd: number;
  try {
    // Without O_NONBLOCK a pipe that nobody writes to would hold us up here.
    fd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError(`${name}: ${code === "ENOENT" ? "no such file" : "cannot be read"}`, { cause });
  }
  const kind = fstatSync(fd);
  if (kind.isFile()) return fd;
  closeSync(fd);
  throw new UsageError(`${name}: ${kind.isDirectory() ? "is a folder" : "not a regular file"}`);
}

/** The text of a regular file of at most `maxBytes`. Throws UsageError. */
export function readRegularText(name: string, maxBytes: number): string {
  const fd = openRegular(name);
  try {
    const { size } = fstatSync(fd);
    if (size > maxBytes) throw new UsageError(`${name}: ${size} bytes, at most ${maxBytes} are read`);
    const bytes = new Uint8Array(size);
    let at = 0;
    for (let got = -1; got !== 0 && at < size; at += got) got = readSync(fd, bytes, at, size - at, at);
    return new TextDecoder().decode(bytes.subarray(0, at));
  } finally {
    closeSync(fd);
  }
}
