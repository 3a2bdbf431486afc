// A tar stream in, a `git fast-import` stream out: the kernel's tarball becomes one commit without ever touching the disk as files.
// That saves writing, hashing and deleting 85,000 files. Header layout: POSIX.1-1988 ustar, with the GNU long-name records (types L and K)
// and the pax extended headers (type x) that newer tars write.

const BLOCK = 512;

/** One member of the archive. `mode` is git's: 100644, 100755 or 120000. */
export interface TarMember {
  readonly path: string;
  readonly mode: "100644" | "100755" | "120000";
  readonly data: Uint8Array;
  /** Seconds since 1970. */
  readonly mtime: number;
}

const text = new TextDecoder();
const encoder = new TextEncoder();

function field(block: Uint8Array, start: number, length: number): string {
  let end = start;
  while (end < start + length && block[end] !== 0) end++;
  return text.decode(block.subarray(start, end));
}

function octal(block: Uint8Array, start: number, length: number): number {
  const digits = field(block, start, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new Error(`tar: bad octal number ${JSON.stringify(digits)}`);
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function headerChecksumMatches(block: Uint8Array): boolean {
  let sum = 0;
  // The checksum field itself (bytes 148 to 155) counts as spaces.
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!;
  return sum === octal(block, 148, 8);
}

function paxPath(record: string): string | undefined {
  let rest = record;
  while (rest !== "") {
    const space = rest.indexOf(" ");
    const length = Number.parseInt(rest.slice(0, space), 10);
    if (!(length > space)) return undefined;
    const pair = rest.slice(space + 1, length - 1);
    if (pair.startsWith("path=")) return pair.slice(5);
    rest = rest.slice(length);
  }
  return undefined;
}

/** Collects the chunks of a stream and hands out exact byte counts. */
class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `size` bytes; undefined at the clean end of the stream. */
  async take(size: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.length - this.#at >= size) {
      this.#at += size;
      return this.#chunk.subarray(this.#at - size, this.#at);
    }
    const out = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      if (this.#at === this.#chunk.length) {
        const next = await this.#source.next();
        if (next.done) {
          if (filled === 0) return undefined;
          throw new Error("tar: the archive ends in the middle of a member");
        }
        this.#chunk = next.value;
        this.#at = 0;
        continue;
      }
      const part = Math.min(size - filled, this.#chunk.length - this.#at);
      out.set(this.#chunk.subarray(this.#at, this.#at + part), filled);
      this.#at += part;
      filled += part;
    }
    return out;
  }

  /** Reads and drops what is left, so that the program at the other end finishes its own checks. */
  async drain(): Promise<void> {
    while (!(await this.#source.next()).done);
  }
}

/** The regular files and symbolic links of a tar stream, with the first `strip` folders of each path removed. */
export async function* readTar(source: AsyncIterable<Uint8Array>, strip: number): AsyncGenerator<TarMember> {
  const bytes = new ByteQueue(source);
  let longPath: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const header = await bytes.take(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) {
      await bytes.drain();
      return;
    }
    if (!headerChecksumMatches(header)) throw new Error("tar: bad header checksum");
    const size = octal(header, 124, 12);
    const type = String.fromCharCode(header[156]!);
    const prefix = field(header, 257, 5) === "ustar" && header[262] === 0 ? field(header, 345, 155) : "";
    const shortName = field(header, 0, 100);
    const link = field(header, 157, 100);
    const executable = (octal(header, 100, 8) & 0o111) !== 0;
    const mtime = octal(header, 136, 12);
    const body = size === 0 ? new Uint8Array(0) : await bytes.take(Math.ceil(size / BLOCK) * BLOCK);
    if (body === undefined) throw new Error("tar: the archive ends before a member's data");
    const data = body.subarray(0, size);
    if (type === "L" || type === "K") {
      const value = text.decode(data).replace(/\0+$/, "");
      if (type === "L") longPath = value;
      else longLink = value;
      continue;
    }
    if (type === "x") {
      longPath = paxPath(text.decode(data)) ?? longPath;
      continue;
    }
    if (type === "g") continue;
    const name = longPath ?? (prefix === "" ? shortName : `${prefix}/${shortName}`);
    const target = longLink ?? link;
    longPath = undefined;
    longLink = undefined;
    const path = name.replace(/^\.\//, "").split("/").slice(strip).join("/");
    if (type === "5" || path === "") continue;
    if (type === "0" || type === "\0") yield { path, mode: executable ? "100755" : "100644", data, mtime };
    else if (type === "2") yield { path, mode: "120000", data: encoder.encode(target), mtime };
    else throw new Error(`tar: ${name} has type ${JSON.stringify(type)}, which a source tree should not have`);
  }
}

/** `v6.12.117` from the first lines of the kernel's Makefile. */
export function kernelVersion(makefile: string): string {
  const value = (name: string): string => new RegExp(`^${name} = *(.*)$`, "m").exec(makefile)?.[1]?.trim() ?? "";
  const version = `v${value("VERSION")}.${value("PATCHLEVEL")}`;
  const sub = value("SUBLEVEL");
  if (!/^v\d+\.\d+$/.test(version)) throw new Error("the Makefile at the top of the tree names no version");
  return (sub === "" || sub === "0" ? version : `${version}.${sub}`) + value("EXTRAVERSION");
}

/**
 * The fast-import stream of one commit on refs/heads/main, tagged with the version that the tree's Makefile names.
 * The commit is dated by the first member, so its id depends on the archive and the message alone: it is the same on every machine.
 */
export async function* fastImportStream(
  members: AsyncIterable<TarMember>,
  message: string,
  progress: (files: number) => void,
): AsyncGenerator<Uint8Array> {
  const newline = encoder.encode("\n");
  let version: string | undefined;
  let files = 0;
  for await (const member of members) {
    if (files === 0) {
      const who = `objreview <objreview@localhost> ${member.mtime} +0000`;
      const length = encoder.encode(message).length;
      yield encoder.encode(
        `feature done\ncommit refs/heads/main\nmark :1\nauthor ${who}\ncommitter ${who}\ndata ${length}\n${message}\n`,
      );
    }
    if (member.path === "Makefile") version = kernelVersion(text.decode(member.data));
    const path = /["\\\n]/.test(member.path) ? JSON.stringify(member.path) : member.path;
    yield encoder.encode(`M ${member.mode} inline ${path}\ndata ${member.data.length}\n`);
    yield member.data;
    yield newline;
    progress(++files);
  }
  if (version === undefined) throw new Error("tar: no Makefile at the top: is this a kernel tree?");
  yield encoder.encode(`reset refs/tags/${version}\nfrom :1\n\ndone\n`);
}
