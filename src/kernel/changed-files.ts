/** A map of files with some of them changed. A kernel's is not copied for a patch that touches a few: that takes as long as applying it. */
export class ChangedFiles implements ReadonlyMap<string, string> {
  readonly #base: ReadonlyMap<string, string>;
  /** undefined: not there any more. */
  readonly #changes: Map<string, string | undefined>;
  #size: number;

  constructor(files: ReadonlyMap<string, string>) {
    // One level, however many patches a series has.
    this.#base = files instanceof ChangedFiles ? files.#base : files;
    this.#changes = new Map(files instanceof ChangedFiles ? files.#changes : undefined);
    this.#size = files.size;
  }

  get size(): number {
    return this.#size;
  }

  set(path: string, id: string): void {
    if (!this.has(path)) this.#size++;
    this.#changes.set(path, id);
  }

  delete(path: string): void {
    if (this.has(path)) this.#size--;
    this.#changes.set(path, undefined);
  }

  get(path: string): string | undefined {
    return this.#changes.has(path) ? this.#changes.get(path) : this.#base.get(path);
  }

  has(path: string): boolean {
    return this.#changes.has(path) ? this.#changes.get(path) !== undefined : this.#base.has(path);
  }

  forEach(callback: (id: string, path: string, files: ReadonlyMap<string, string>) => void): void {
    for (const [path, id] of this) callback(id, path, this);
  }

  *[Symbol.iterator](): MapIterator<[string, string]> {
    for (const entry of this.#base) if (!this.#changes.has(entry[0])) yield entry;
    for (const [path, id] of this.#changes) if (id !== undefined) yield [path, id];
  }

  entries(): MapIterator<[string, string]> {
    return this[Symbol.iterator]();
  }

  *keys(): MapIterator<string> {
    for (const [path] of this) yield path;
  }

  *values(): MapIterator<string> {
    for (const [, id] of this) yield id;
  }
}
