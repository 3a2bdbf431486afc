import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { keptListingFile, memoByListing, type SourceListing } from "./source-listing.ts";

// Digests over the 87,000 files of a base are what a review waits for before it can start a compiler. A commit's name says everything about its files, so what
// only they decide is kept beside the kept listing: a line that names what made it and has a checksum, then a JSON object of texts.

/** Beside the listing of a commit. */
export const SHELF_SUFFIX = ".known";

const MAX_TEXTS = 4096;
/** Keys from this length on are kept as their digests, which are 64 characters. */
const LONG_KEY = 64;

/**
 * As memoByListing, for texts, which outlive the process where the listing does. `work` must depend on its arguments alone: what it and the rules of plan-inputs.ts
 * say is part of the key, so that another version of objreview asks anew.
 */
export function keptByListing(
  work: (listing: SourceListing, key: string) => string,
): (listing: SourceListing, key?: string) => string {
  const name = createHash("sha256").update(work.toString()).digest("hex").slice(0, 16);
  return memoByListing((listing, key) => {
    const shelf = shelfOf(listing);
    const place = `${name} ${key.length < LONG_KEY ? key : createHash("sha256").update(key).digest("hex")}`;
    const kept = shelf?.texts.get(place);
    if (kept !== undefined) return kept;
    const made = work(listing, key);
    if (shelf !== undefined && shelf.texts.size < MAX_TEXTS) {
      shelf.texts.set(place, made);
      shelf.isChanged = true;
    }
    return made;
  });
}

interface Shelf {
  readonly file: string;
  readonly texts: Map<string, string>;
  isChanged: boolean;
}

const shelves = new Map<string, Shelf>();

function shelfOf(listing: SourceListing): Shelf | undefined {
  const kept = keptListingFile(listing);
  if (kept === undefined) return undefined;
  const file = `${kept}${SHELF_SUFFIX}`;
  let shelf = shelves.get(file);
  if (shelf === undefined) {
    // Written once, when all is known: nothing is lost with it but time.
    if (shelves.size === 0) process.once("exit", writeShelves);
    shelf = { file, texts: readShelf(file), isChanged: false };
    shelves.set(file, shelf);
  }
  return shelf;
}

/** What has been learned so far. Failing to keep it harms nobody. */
export function writeShelves(): void {
  for (const shelf of shelves.values()) {
    // A listing that is not kept any more has no shelf either.
    if (!shelf.isChanged || !existsSync(shelf.file.slice(0, -SHELF_SUFFIX.length))) continue;
    const text = JSON.stringify([...shelf.texts]);
    try {
      writeFileSync(`${shelf.file}.${process.pid}`, `${firstLine(text)}\n${text}`);
      renameSync(`${shelf.file}.${process.pid}`, shelf.file);
      shelf.isChanged = false;
    } catch {
      // A full disk, or a folder that was removed meanwhile.
    }
  }
}

/** A file that is not there, damaged or of other rules counts as empty. */
function readShelf(file: string): Map<string, string> {
  try {
    const text = readFileSync(file, "utf8");
    const end = text.indexOf("\n");
    const body = text.slice(end + 1);
    return text.slice(0, end) === firstLine(body) ? new Map(JSON.parse(body)) : new Map();
  } catch {
    return new Map();
  }
}

function firstLine(body: string): string {
  rules ??= createHash("sha256")
    .update(readFileSync(new URL("./plan-inputs.ts", import.meta.url)))
    .update(readFileSync(new URL("./source-listing.ts", import.meta.url)))
    .digest("hex")
    .slice(0, 16);
  return `objreview listing 1 ${rules} ${crc32(body)}`;
}

/** Digest of the modules that say what files decide. */
let rules: string | undefined;
