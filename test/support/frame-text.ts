import { NO_REGISTER, type OpTable, opName } from "../../src/isa/insn-table.ts";
import { registers } from "../../src/isa/x86-64/registers.ts";

// Frame operations as text, from our decoder and, independently, from the AT&T text of a disassembler:
// "add rbp rsp 0" is OP_ADD with dst rbp, src rsp, imm 0; "-" is no register.

function registerText(number: number): string {
  return number === NO_REGISTER ? "-" : (registers.name[number] as string);
}

/** The operations of one instruction whose first row is `op` (NONE: none). */
export function opTexts(ops: OpTable, op: number): string[] {
  const texts: string[] = [];
  if (op < 0) return texts;
  for (let i = op; i < ops.length && ops.insn[i] === ops.insn[op]; i++) {
    const name = opName[ops.op[i] as number];
    texts.push(`${name} ${registerText(ops.dst[i] as number)} ${registerText(ops.src[i] as number)} ${ops.imm[i]}`);
  }
  return texts;
}

const R = "%(r[a-z0-9]+)"; // a 64-bit register; the narrower r8d, r8w and r8b are sorted out by isFull
const MEMORY = "(-?0x[0-9a-f]+)?\\((%[a-z0-9]+)\\)";
const full = new Set(registers.name);

const int = (text: string | undefined): number =>
  Number(BigInt.asIntN(64, BigInt(text?.replace("-", "") || "0"))) * (text?.startsWith("-") ? -1 : 1);

interface Pattern {
  readonly form: RegExp;
  /** The operations, or undefined where the operands are not full-width after all. */
  readonly ops: (match: RegExpExecArray) => string[] | undefined;
}

/** Undefined unless all the names are 64-bit registers. */
function whenFull(names: readonly (string | undefined)[], ...texts: string[]): string[] | undefined {
  return names.every((name) => name !== undefined && full.has(name)) ? texts : undefined;
}

const pattern = (form: string, ops: Pattern["ops"]): Pattern => ({ form: new RegExp(`^${form}$`), ops });
const base = (text: string | undefined) => text?.slice(1);

const patterns: readonly Pattern[] = [
  pattern(`push +${R}`, (m) => whenFull([m[1]], `push - ${m[1]} 0`)),
  pattern(`pop +${R}`, (m) => whenFull([m[1]], `pop ${m[1]} - 0`)),
  pattern("push +(\\$.*|%[fg]s)", () => ["push - - 0"]),
  pattern("pop +%[fg]s", () => ["pop - - 0"]),
  pattern(
    `push +${MEMORY}`,
    (m) => whenFull([base(m[2])], `push-memory ${base(m[2])} - ${int(m[1])}`) ?? ["push - - 0"],
  ),
  pattern("push +[^%$ ].*|push +%[fg]s:.*", () => ["push - - 0"]),
  pattern("pop +[^% ].*", () => ["pop - - 0"]),
  pattern("pushf", () => ["push-flags - - 0"]),
  pattern("popf", () => ["pop-flags - - 0"]),
  pattern("iretq", () => ["add rsp rsp 40"]),
  pattern("leave", () => ["add rsp rbp 0", "pop rbp - 0"]),
  pattern(`mov +${R},${R}`, (m) => whenFull([m[1], m[2]], `add ${m[2]} ${m[1]} 0`)),
  pattern(`mov +${MEMORY},${R}`, (m) => whenFull([base(m[2]), m[3]], `load ${m[3]} ${base(m[2])} ${int(m[1])}`)),
  // any other address; a register, an immediate or a narrower move is none
  pattern("mov +(?:%[fg]s:)?(?:-?0x[0-9a-f]+)?(?:\\(.*\\))?,%rsp", () => ["load rsp - 0"]),
  // a stack switch: from a per-CPU or other variable, at whatever address
  pattern("mov +([^%$ ].*|%[c-gs]s:.*),%rsp", () => ["load rsp - 0"]),
  pattern(`mov +${R},${MEMORY}`, (m) => whenFull([m[1], base(m[3])], `store ${base(m[3])} ${m[1]} ${int(m[2])}`)),
  pattern(`lea +(?:%[c-gs]s:)?${MEMORY},${R}`, (m) =>
    whenFull([base(m[2]), m[3]], `add ${m[3]} ${base(m[2])} ${int(m[1])}`),
  ),
  pattern(`add +\\$(0x[0-9a-f]+),${R}`, (m) => whenFull([m[2]], `add ${m[2]} ${m[2]} ${int(m[1])}`)),
  pattern(`sub +\\$(0x[0-9a-f]+),${R}`, (m) => whenFull([m[2]], `add ${m[2]} ${m[2]} ${-int(m[1])}`)),
  pattern(`and +\\$(0x[0-9a-f]+),${R}`, (m) => whenFull([m[2]], `and ${m[2]} - ${int(m[1])}`)),
  pattern(`inc +${R}`, (m) => whenFull([m[1]], `add ${m[1]} ${m[1]} 1`)),
  pattern(`dec +${R}`, (m) => whenFull([m[1]], `add ${m[1]} ${m[1]} -1`)),
  pattern(`(add|sub) +${R},%rsp`, (m) => whenFull([m[2]], `add-register rsp ${m[2]} 0`)),
];

const readsOnly =
  /^(cmp|test|bt[wlq]? |push|call|jmp|nop|ud[01]|out|wr|inv|v?p?test|ptwrite|verr|verw|lldt|ltr|lmsw|umonitor|tpause|umwait)/;

/** What the frame operations of an instruction have to be, read from its text as objdump prints it, comments cut off. */
export function expectedOps(text: string): string[] {
  const plain = text
    .replace(/ +(#.*|<.*>)$/, "")
    .replace(/^((lock|data16|[cdes]s|rex(\.[WRXB]+)?) +)*/, "")
    .trim();
  for (const { form, ops } of patterns) {
    const match = form.exec(plain);
    if (match === null) continue;
    const texts = ops(match);
    if (texts !== undefined) return texts;
  }
  // whatever else has the stack pointer as its destination, the last operand; xchg and xadd have two
  const writesSp = /[ ,]%(rsp|esp|spl?)$/.test(plain) && !readsOnly.test(plain);
  const exchangesSp = /^(xchg|xadd) +%(rsp|esp|spl?),/.test(plain);
  return writesSp || exchangesSp || /^enter/.test(plain) ? ["unfollowed rsp - 0"] : [];
}
