/** Hands out one row for each distinct name. */
export class NameTable {
  readonly names: string[] = [];
  readonly #row = new Map<string, number>();

  row(name: string): number {
    let row = this.#row.get(name);
    if (row === undefined) {
      row = this.names.length;
      this.names.push(name);
      this.#row.set(name, row);
    }
    return row;
  }
}
