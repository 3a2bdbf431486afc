import { NONE } from "../base/table.ts";
import { type Code, insnAt } from "./code.ts";
import type { Functions } from "./functions.ts";

/** Which instruction and which label calls of a symbol come to. A kernel has ten calls for each symbol that is called. */
export class Callees {
  readonly #code: Code;
  readonly #functions: Functions;
  /** symbol -> row + 2, 0 for one that nobody has asked for yet */
  readonly #row: Int32Array;
  /** symbol -> label + 2, where there is a row */
  readonly #label: Int32Array;

  constructor(code: Code, functions: Functions) {
    this.#code = code;
    this.#functions = functions;
    this.#row = new Int32Array(code.object.symbols.length);
    this.#label = new Int32Array(code.object.symbols.length);
  }

  /** insnAt() of a place */
  row(section: number, offset: number, named: number): number {
    if (!this.#isItself(offset, named)) return insnAt(this.#code, section, offset);
    if (this.#row[named] === 0) {
      this.#row[named] = insnAt(this.#code, section, offset) + 2;
      this.#label[named] = this.#functions.labelAt(section, offset) + 2;
    }
    return (this.#row[named] as number) - 2;
  }

  /** Functions.labelAt() of a place whose row was asked for */
  label(section: number, offset: number, named: number): number {
    return this.#isItself(offset, named)
      ? (this.#label[named] as number) - 2
      : this.#functions.labelAt(section, offset);
  }

  /** A relocation by the symbol of a section names places all over it. */
  #isItself(offset: number, named: number): boolean {
    return named !== NONE && this.#code.object.symbols.value[named] === offset;
  }
}
