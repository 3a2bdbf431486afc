// The table of PC against witnesses for a terminal: a line a row where its width is not known, so that it can be searched, else cells that wrap.

import { type FrameCell, frameCell, ownParts, type Says } from "./frame-words.ts";
import { safeCode } from "./safe.ts";

/** One row in words. */
export interface TextRow {
  /** Bytes from the function's start. */
  readonly offset: number;
  readonly asm: string;
  /** One a witness, the instructions first. */
  readonly says: readonly (Says & {
    /** Stands behind what it says; a witness with remarks, even empty ones, speaks of single instructions: no row is no news there. */
    readonly remark?: string;
    /** Known defects of compilers that explain what is wrong in it: their ids. */
    readonly known?: readonly string[];
  })[];
  /** One character: "!" where a witness is contradicted. */
  readonly mark: string;
  /** Rows were left out before it. */
  readonly isBehindGap: boolean;
}

/** Laid out together: widths may grow from one chunk of a function to the next. */
export const CHUNK_ROWS = 512;

const MAX_ASM = 44;
/** Least columns for what the instructions say; the instruction's text goes where there is less. */
const MIN_FRAME = 30;
const GAP = 2;

export class FrameTableText {
  readonly #names: readonly string[];
  readonly #told: ReadonlySet<string>;
  readonly #columns: number | undefined;
  readonly #widths: number[];
  #isNew = true;

  /**
   * @param names of the witnesses, the instructions first
   * @param told what the instructions say in every row, which the heading has told
   * @param columns of the terminal; undefined where the text goes elsewhere
   */
  constructor(names: readonly string[], told: ReadonlySet<string>, columns: number | undefined) {
    this.#names = names;
    this.#told = told;
    this.#columns = columns;
    this.#widths = ["+0x0000", "first instruction", ...names].map(({ length }) => length);
  }

  /** Lines of at most CHUNK_ROWS rows; the column headings before the first. */
  chunk(rows: readonly TextRow[]): string {
    const cells = rows.map((row) => this.#cells(row));
    for (const row of cells)
      row.forEach((parts, n) => {
        const isList = n >= 2;
        // A list may wrap between its parts, and is as wide as its longest then.
        const width =
          isList && this.#columns !== undefined ? Math.max(...parts.map((p) => p.length + 1)) : joined(parts).length;
        this.#widths[n] = Math.max(this.#widths[n] as number, width);
      });
    const widths = this.#fit();
    let out = "";
    if (this.#isNew) {
      const headings = ["PC", "first instruction", ...this.#names].map((heading) => [heading]);
      out += layOut(" ", headings, widths);
      this.#isNew = false;
    }
    rows.forEach((row, n) => {
      if (row.isBehindGap) out += "  ...\n";
      out += layOut(row.mark, cells[n] as readonly string[][], widths);
    });
    return out;
  }

  #cells({ offset, asm, says }: TextRow): string[][] {
    const own = says[0]!;
    const parts = ownParts({ says }).flatMap(({ text, isWrong }) => (isWrong || !this.#told.has(text) ? [text] : []));
    return [
      [`+0x${offset.toString(16)}`],
      [safeCode(asm.replaceAll(/\s+/g, " "), MAX_ASM)],
      own.frame === "" ? ["no row"] : parts,
      ...says.slice(1).map((each) => {
        const words = each.frame === "" && each.remark !== undefined ? [] : cellWords(frameCell(own, each));
        const known = (each.known ?? []).map((id) => `known: ${id}`);
        return [...words, ...(each.remark ? [each.remark] : []), ...known];
      }),
    ];
  }

  /** Widths of the columns; 0 for one that is left out. */
  #fit(): number[] {
    const widths = [...this.#widths];
    if (this.#columns === undefined) return widths;
    const others = () => 2 + widths.reduce((sum, width, n) => (n === 2 || width === 0 ? sum : sum + width + GAP), 0);
    let room = this.#columns - others();
    if (room < MIN_FRAME) {
      widths[1] = 0;
      room = this.#columns - others();
    }
    widths[2] = Math.max(MIN_FRAME, room);
    return widths;
  }
}

function cellWords(cell: FrameCell): string[] {
  if (cell.kind === "no-row") return ["no row"];
  if (cell.kind === "agrees") return ["same"];
  const firstWrong = cell.parts.findIndex(({ isWrong }) => isWrong);
  return cell.parts.map(({ text }, n) => (n === firstWrong ? `wrong: ${text}` : text));
}

function joined(parts: readonly string[]): string {
  return parts.join(", ");
}

/** One row of cells, as many lines as its highest cell has. */
function layOut(mark: string, cells: readonly (readonly string[])[], widths: readonly number[]): string {
  const columns = cells.flatMap((parts, n) =>
    widths[n] === 0 ? [] : [{ lines: wrapped(parts, widths[n] as number), width: widths[n] as number }],
  );
  const height = Math.max(...columns.map(({ lines }) => lines.length));
  let out = "";
  for (let line = 0; line < height; line++) {
    const text = columns.map(({ lines, width }) => (lines[line] ?? "").padEnd(width)).join(" ".repeat(GAP));
    out += `${line === 0 ? mark : " "} ${text}`.trimEnd();
    out += "\n";
  }
  return out;
}

/** Breaks between parts only. */
function wrapped(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  parts.forEach((part, n) => {
    const text = n === parts.length - 1 ? part : `${part},`;
    if (line !== "" && line.length + 1 + text.length > width) {
      lines.push(line);
      line = text;
    } else line = line === "" ? text : `${line} ${text}`;
  });
  lines.push(line);
  return lines;
}
