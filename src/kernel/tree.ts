// A kernel tree is a git repository that the operator names. It is only read.
import type { StateFolder } from "./state-folder.ts";

export interface ResolvedCommit {
  /** Full object name. */
  readonly commit: string;
  /** For people: the revision as given when it names something, else the nearest tag's description. */
  readonly name: string;
}

export interface Tree {
  /** The folder that the operator named, absolute. */
  readonly dir: string;
  /** Our own folder for this tree: bare store, slots, base builds. */
  readonly folder: string;
  resolve(rev: string): Promise<ResolvedCommit>;
  readFile(commit: string, path: string): Promise<Uint8Array | undefined>;
  /** Paths of all files below `prefix` ("" for all), sorted. */
  listFiles(commit: string, prefix: string): Promise<string[]>;
  findDefinitionCandidates(commit: string, symbol: string): Promise<string[]>;
  diff(from: string, to: string): Promise<string>;
  commitsBetween(from: string, to: string): Promise<string[]>;
  formatPatches(from: string, to: string): Promise<Uint8Array>;
  patchIds(from: string, to: string): Promise<ReadonlyMap<string, string>>;
  blobId(commit: string, path: string): Promise<string | undefined>;
}

export async function openTree(_dir: string, _state: StateFolder): Promise<Tree> {
  throw new Error("under construction");
}
