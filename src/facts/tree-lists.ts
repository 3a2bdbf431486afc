import { FormatError } from "../base/errors.ts";

// The tree's own lists of functions with a property that no single object shows. Text in, names out.

/**
 * Names of the functions that never return.
 * @param text tools/objtool/noreturns.h (6.5 and later: one NORETURN(name) a line), or tools/objtool/check.c of an older tree, where they
 * are the strings of the array global_noreturns[]
 * @throws FormatError when the text holds neither
 */
export function readNoreturnList(text: string): string[] {
  const names = [...text.matchAll(/^\s*NORETURN\(([A-Za-z_]\w*)\)/gm)].map((match) => match[1] as string);
  if (names.length > 0) return unique(names);
  return stringsOfArray(text, "global_noreturns", "tools/objtool/noreturns.h");
}

/**
 * Names of the functions that may be called with user access open.
 * @param text tools/objtool/check.c: the strings of the array uaccess_safe_builtin[]
 * @throws FormatError when the text does not hold it
 */
export function readUaccessSafeList(text: string): string[] {
  return stringsOfArray(text, "uaccess_safe_builtin", "tools/objtool/check.c");
}

function stringsOfArray(text: string, array: string, file: string): string[] {
  const start = text.search(new RegExp(`\\b${array}\\s*\\[\\s*\\]\\s*=\\s*\\{`));
  const end = start < 0 ? -1 : text.indexOf("};", start);
  if (end < 0) throw new FormatError("unsupported", `no list ${array}[]`, { format: file });
  const body = text.slice(start, end).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  return unique([...body.matchAll(/"([A-Za-z_]\w*)"/g)].map((match) => match[1] as string));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
