import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "../base/bytes.ts";
import { FormatError, UsageError } from "../base/errors.ts";

/** A regular file that is read by position: a 1 GB object costs what is asked of it. Close it when done. */
export interface FileSource extends ByteSource {
  close(): void;
}

/** @throws UsageError with one line when there is no such regular file */
export function openFileSource(path: string): FileSource {
  let fd: number;
  try {
    // Without O_NONBLOCK a pipe that nobody writes to would hold us up here.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new UsageError(
      `${path}: ${(cause as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : "cannot be read"}`,
      { cause },
    );
  }
  const stat = fstatSync(fd);
  if (!stat.isFile()) {
    closeSync(fd);
    throw new UsageError(`${path}: not a regular file`);
  }
  return {
    size: stat.size,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > stat.size) {
        throw new FormatError("truncated", `${length} bytes wanted, the file has ${stat.size}`, {
          format: "file",
          offset,
        });
      }
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const got = readSync(fd, bytes, done, length - done, offset + done);
        if (got === 0)
          throw new FormatError("truncated", "the file shrank while it was read", { format: "file", offset });
        done += got;
      }
      return bytes;
    },
    close: () => closeSync(fd),
  };
}
