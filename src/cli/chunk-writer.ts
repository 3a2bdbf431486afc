import type { CommandIo } from "./check.ts";

/** Few large writes instead of many small ones. */
export class ChunkWriter {
  readonly #io: CommandIo;
  #parts: string[] = [];
  #length = 0;

  constructor(io: CommandIo) {
    this.#io = io;
  }

  write(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > 1 << 16) this.flush();
  }

  flush(): void {
    if (this.#length > 0) this.#io.out(this.#parts.join(""));
    this.#parts = [];
    this.#length = 0;
  }
}
