/** Seeded random choice: the same seed draws the same edits on every machine. mulberry32, public domain, by Tommy Ettinger. */
export class Draw {
  #state: number;
  readonly #functions: ReadonlySet<string> | undefined;

  /** @param functions the only ones to edit */
  constructor(seed: number, functions?: ReadonlySet<string>) {
    this.#state = seed >>> 0;
    this.#functions = functions;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }

  /** Whether an edit may be made in this function. */
  isWanted(name: string): boolean {
    return this.#functions?.has(name) ?? true;
  }
}

/** What an edit makes of a file. */
export interface Edited {
  readonly text: string;
  /** One line for the subject: "rename a local variable of foo()". */
  readonly summary: string;
}

/** Makes one edit of its kind somewhere in the text, or finds no place for it. */
export type Edit = (text: string, draw: Draw) => Edited | undefined;

/** What an edit of several files makes of a tree. */
export interface TreeEdited {
  /** Path to its new text; undefined: the file goes. */
  readonly files: ReadonlyMap<string, string | undefined>;
  readonly summary: string;
  /** Objects to judge, as they are called behind the edit. */
  readonly objects: readonly string[];
}

/** The source files of a build, as edits look at them. */
export interface SourceTree {
  read(path: string): string | undefined;
  /** C, headers and assembly of the whole tree with this word in them. */
  mentioning(word: string): readonly string[];
  /** Objects that include a header. */
  users(header: string): readonly string[];
  /** C files of a folder that the build compiles. */
  sources(folder: string): readonly string[];
}

/** Makes one edit of its kind that begins at `path`, or finds no place for it. */
export type TreeEdit = (path: string, tree: SourceTree, draw: Draw) => TreeEdited | undefined;
