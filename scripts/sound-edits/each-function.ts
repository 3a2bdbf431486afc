import { type CFunction, findFunctions } from "./c-text.ts";
import type { Draw, Edited } from "./draw.ts";

export function edited(lines: readonly string[], summary: string): Edited {
  return { text: lines.join("\n"), summary };
}

/** Tries the functions of a file in random order until one has a place for the edit. */
export function eachFunction(
  text: string,
  draw: Draw,
  attempt: (lines: string[], fn: CFunction) => Edited | undefined,
): Edited | undefined {
  const lines = text.split("\n");
  for (const fn of draw.shuffled(findFunctions(lines).filter(({ name }) => draw.isWanted(name)))) {
    const result = attempt(lines, fn);
    if (result !== undefined) return result;
  }
  return undefined;
}

/** The lines with some of them, from `from` up to but without `to`, replaced. */
export function spliced(lines: readonly string[], from: number, to: number, ...put: readonly string[]): string[] {
  return [...lines.slice(0, from), ...put, ...lines.slice(to)];
}

/** Line of the first statement behind the declarations, where kernel style marks it with an empty line. */
export function firstStatement(lines: readonly string[], fn: CFunction): number | undefined {
  const blank = lines.indexOf("", fn.open);
  if (blank < 0 || blank >= fn.close) return undefined;
  const declarations = lines.slice(fn.open + 1, blank);
  const declaration = /^\t(?:(?:const|struct|unsigned|static|enum|union) )*\w+ [\w*][^()]*(?:= .*)?;$/;
  if (!declarations.every((line) => declaration.test(line) && !/^\t(return|goto)\b/.test(line))) return undefined;
  return /^\t[a-z]/.test(lines[blank + 1] ?? "") ? blank + 1 : undefined;
}

/** The end of a function with a return as its last statement: where code may stand that only a goto reaches. */
export function behindLastReturn(lines: readonly string[], fn: CFunction): number | undefined {
  return /^\treturn\b.*;$/.test(lines[fn.close - 1] ?? "") ? fn.close : undefined;
}

/** Name of the first parameter that is a pointer. */
export function pointerParameter(lines: readonly string[], fn: CFunction): string | undefined {
  const header = lines.slice(fn.header, fn.open).join(" ");
  return /\*(?:const )?(\w+)\s*[,)]/.exec(header.slice(header.indexOf("(")))?.[1];
}
