/** A reading position in a text, a line at a time, without an array of all lines. Lines are given without their LF. */
export class LineCursor {
  readonly #text: string;
  #start = 0;
  #end = 0;
  /** 1-based number of the current line. */
  number = 1;
  /** The current line; undefined at the end. A text that ends in LF has no empty last line. */
  line: string | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#load();
  }

  #load(): void {
    if (this.#start >= this.#text.length) {
      this.line = undefined;
      return;
    }
    const lf = this.#text.indexOf("\n", this.#start);
    this.#end = lf < 0 ? this.#text.length : lf;
    this.line = this.#text.slice(this.#start, this.#end);
  }

  next(): void {
    if (this.line === undefined) return;
    this.#start = this.#end + 1;
    this.number++;
    this.#load();
  }

  mark(): { readonly start: number; readonly number: number } {
    return { start: this.#start, number: this.number };
  }

  /** Back to a mark. */
  reset(mark: { readonly start: number; readonly number: number }): void {
    this.#start = mark.start;
    this.number = mark.number;
    this.#load();
  }
}
