// Names that the tree's own tool keeps in lists: functions that never return, and functions that may be called while user
// access is open. They are read from the tree that is judged, so that a review follows its version. Pure: text in, names out.

/**
 * Names from the list of functions that do not return: the NORETURN(name) lines of tools/objtool/noreturns.h (6.4 and later),
 * or the array `global_noreturns` in tools/objtool/check.c before that. Empty where the text holds neither.
 */
export function readNoreturnList(text: string): string[] {
  const clean = stripComments(text);
  const names = [...clean.matchAll(/^\s*NORETURN\(\s*(\w+)\s*\)/gm)].map((match) => match[1]!);
  if (names.length > 0) return [...new Set(names)];
  return readStringArray(clean, "global_noreturns");
}

/** Names from `uaccess_safe_builtin` in tools/objtool/check.c. Empty where the text has no such array. */
export function readUaccessSafeList(text: string): string[] {
  return readStringArray(stripComments(text), "uaccess_safe_builtin");
}

/** The string literals of `... NAME[] = { "a", "b", NULL };`. Literals side by side are one, as in C. */
function readStringArray(text: string, name: string): string[] {
  const start = new RegExp(`\\b${name}\\s*\\[\\s*\\]\\s*=\\s*\\{`).exec(text);
  if (start === null) return [];
  const from = start.index + start[0].length;
  const end = text.indexOf("}", from);
  const names: string[] = [];
  for (const item of text.slice(from, end < 0 ? from : end).split(",")) {
    const literals = [...item.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1]!);
    if (literals.length > 0) names.push(literals.join(""));
  }
  return [...new Set(names)];
}

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, " ").replace(/\/\/.*$/gm, "");
}
