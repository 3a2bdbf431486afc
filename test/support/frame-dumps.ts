import { execFileSync } from "node:child_process";

// Call frame information as two other readers print it, and as ours has it, in one form: what holds where, entry by entry.

/** "section+offset of the entry" -> its rows */
export type DumpedFrames = ReadonlyMap<string, DumpedEntry>;

export interface DumpedEntry {
  readonly start: number;
  readonly end: number;
  /** Sorted by `at`; a row holds up to the next one. */
  readonly rows: readonly DumpedRow[];
}

export interface DumpedRow {
  readonly at: number;
  /** "cfa rsp+16; r3 c-16; r16 c-8": registers by their DWARF numbers, in order; the same text for the same rules */
  readonly says: string;
}

/** Names by DWARF number, as both tools have them. psABI figure 3.36; AADWARF64. */
const x86Names = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split(" ");

function registerNumber(name: string, returnRegister: number): number {
  const lower = name.toLowerCase();
  if (lower === "ra" || lower === "rip") return returnRegister;
  const x86 = x86Names.indexOf(lower);
  if (x86 >= 0) return x86;
  if (lower === "sp" || lower === "wsp") return 31;
  if (lower === "lr") return 30;
  if (lower === "fp") return 29;
  const numbered = /^(?:reg|r|x|w)(\d+)$/.exec(lower);
  if (numbered !== null) return Number(numbered[1]);
  const vector = /^[vdqb](\d+)$/.exec(lower);
  if (vector !== null) return 64 + Number(vector[1]);
  const xmm = /^xmm(\d+)$/.exec(lower);
  if (xmm !== null) return 17 + Number(xmm[1]);
  throw new Error(`register ${name}`);
}

/** Puts the pieces of a row together; `rules` are by register. */
export function rowText(cfa: string, rules: ReadonlyMap<number, string>): string {
  const parts = [...rules].sort((a, b) => a[0] - b[0]).map(([register, rule]) => `r${register} ${rule}`);
  return [`cfa ${cfa}`, ...parts].join("; ");
}

/** What readelf does not tell apart: its "u" is a register without a rule as well, and expressions and signed addresses are not shown. */
export function asReadelfSays(says: string): string {
  return says
    .replaceAll(/; r\d+ undefined/g, "")
    .replaceAll("; signed", "")
    .replaceAll(/exp\([^)]*\)/g, "exp");
}

function run(tool: string, args: readonly string[]): string {
  return execFileSync(tool, args, {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** `readelf --debug-dump=frames-interp` */
export function readelfFrames(path: string): DumpedFrames {
  const entries = new Map<string, DumpedEntry>();
  const cies = new Map<string, { says: string; returnRegister: number }>();
  let section = "";
  let columns: string[] = [];
  let entry: { start: number; end: number; rows: DumpedRow[]; returnRegister: number } | undefined;
  let cie: { key: string; returnRegister: number } | undefined;
  for (const line of run("readelf", ["--debug-dump=frames-interp", path]).split("\n")) {
    const head = /^Contents of the (\S+) section:/.exec(line);
    if (head !== null) {
      section = head[1]!;
      entry = undefined;
      cie = undefined;
      continue;
    }
    const isCie = /^([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ CIE .* ra=(\d+)$/.exec(line);
    if (isCie !== null) {
      cie = { key: `${section}+${Number.parseInt(isCie[1]!, 16)}`, returnRegister: Number(isCie[2]) };
      cies.set(cie.key, { says: "cfa none", returnRegister: cie.returnRegister });
      entry = undefined;
      continue;
    }
    const isFde = /^([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)$/.exec(line);
    if (isFde !== null) {
      const of = cies.get(`${section}+${Number.parseInt(isFde[2]!, 16)}`);
      if (of === undefined) throw new Error(`${path}: an FDE before its CIE: ${line}`);
      const start = Number.parseInt(isFde[3]!, 16);
      const rows = [{ at: start, says: of.says }];
      entry = { start, end: Number.parseInt(isFde[4]!, 16), rows, returnRegister: of.returnRegister };
      entries.set(`${section}+${Number.parseInt(isFde[1]!, 16)}`, entry);
      cie = undefined;
      continue;
    }
    // A register as a rule: "r9 (r9)".
    const words = line
      .trim()
      .replaceAll(/r\d+ \((\w+)\)/g, "$1")
      .split(/\s+/);
    if (words[0] === "LOC") {
      columns = words.slice(2);
      continue;
    }
    if (!/^[0-9a-f]{16}$/.test(words[0]!) || words.length < 2) continue;
    const returnRegister = (entry ?? cie)?.returnRegister ?? 16;
    const rules = new Map<number, string>();
    for (const [n, name] of columns.entries()) {
      const rule = words[2 + n]!;
      if (rule !== "u") rules.set(registerNumber(name, returnRegister), readelfRule(rule, returnRegister));
    }
    const [, base, offset] = /^(\w+?)([+-]\d+)$/.exec(words[1]!) ?? [];
    const cfa = base === undefined ? words[1]! : `r${registerNumber(base, returnRegister)}${offset}`;
    const says = rowText(cfa, rules);
    if (entry !== undefined) entry.rows.push({ at: Number.parseInt(words[0]!, 16), says });
    else if (cie !== undefined) cies.set(cie.key, { says, returnRegister });
  }
  return entries;
}

function readelfRule(rule: string, returnRegister: number): string {
  if (/^([cv][+-]\d+|exp|vexp|s)$/.test(rule)) return rule;
  return `in r${registerNumber(rule, returnRegister)}`;
}

/** `llvm-dwarfdump --debug-frame`, which prints both sections */
export function llvmFrames(path: string, tool: string): DumpedFrames {
  const entries = new Map<string, DumpedEntry>();
  let section = "";
  let returnRegister = 16;
  let entry: { start: number; end: number; rows: DumpedRow[] } | undefined;
  const returnOf = new Map<string, number>();
  let cie = "";
  for (const line of run(tool, ["--debug-frame", path]).split("\n")) {
    const head = /^(\S+) contents:$/.exec(line);
    if (head !== null) {
      section = head[1]!;
      entry = undefined;
      continue;
    }
    const isCie = /^([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ CIE$/.exec(line);
    if (isCie !== null) {
      cie = `${section}+${Number.parseInt(isCie[1]!, 16)}`;
      entry = undefined;
      continue;
    }
    const column = /^ {2}Return address column: (\d+)$/.exec(line);
    if (column !== null) {
      returnOf.set(cie, Number(column[1]));
      continue;
    }
    const isFde = /^([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.\.([0-9a-f]+)$/.exec(line);
    if (isFde !== null) {
      entry = { start: Number.parseInt(isFde[3]!, 16), end: Number.parseInt(isFde[4]!, 16), rows: [] };
      entries.set(`${section}+${Number.parseInt(isFde[1]!, 16)}`, entry);
      returnRegister = returnOf.get(`${section}+${Number.parseInt(isFde[2]!, 16)}`) ?? 16;
      continue;
    }
    const row = /^ {2}0x([0-9a-f]+): CFA=(.*?)(?:: (.*))?$/.exec(line);
    if (row === null || entry === undefined) continue;
    const rules = new Map<number, string>();
    let signed = false;
    for (const [, name, rule] of (row[3] ?? "").matchAll(/(\w+)=(\[[^\]]*\]|(?:(?!, \w+=).)*)(?:, |$)/g)) {
      const register = registerNumber(name!, returnRegister);
      if (register === 34 && returnRegister === 30) signed = rule === "1";
      else rules.set(register, llvmRule(rule!, returnRegister));
    }
    const says = rowText(llvmPlace(row[2]!, returnRegister), rules) + (signed ? "; signed" : "");
    entry.rows.push({ at: Number.parseInt(row[1]!, 16), says });
  }
  return entries;
}

function llvmRule(rule: string, returnRegister: number): string {
  if (rule === "undefined") return "undefined";
  if (rule === "same") return "s";
  const isSaved = rule.startsWith("[");
  const inner = isSaved ? rule.slice(1, -1) : rule;
  const cfa = /^CFA([+-]\d+)?$/.exec(inner);
  if (cfa !== null) return `${isSaved ? "c" : "v"}${cfa[1] ?? "+0"}`;
  const place = llvmPlace(inner, returnRegister);
  if (place.startsWith("exp")) return isSaved ? place : `v${place}`;
  return `in ${place.replace(/\+0$/, "")}`;
}

/** "RSP+8", "R10", or operations of an expression */
function llvmPlace(text: string, returnRegister: number): string {
  const plain = /^(\w+?)([+-]\d+)?$/.exec(text);
  if (plain !== null && !text.startsWith("DW_OP"))
    return `r${registerNumber(plain[1]!, returnRegister)}${plain[2] ?? "+0"}`;
  const operation = /^DW_OP_breg(\d+) \w+([+-]\d+)(, DW_OP_deref(?:, DW_OP_plus_uconst 0x([0-9a-f]+))?)?$/.exec(text);
  if (operation === null) return "exp";
  const [, register, offset, deref, behind] = operation;
  if (deref === undefined) return `exp(r${register}${offset})`;
  return `exp(*r${register}${offset}+${Number.parseInt(behind ?? "0", 16)})`;
}
