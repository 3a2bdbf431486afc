import { NONE } from "../../src/base/table.ts";
import {
  KIND_ACCESS_CLOSE,
  KIND_ACCESS_OPEN,
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_JUMP,
  KIND_LANDING_PAD,
  KIND_NOP,
  KIND_OTHER,
  KIND_RETURN,
  KIND_TRAP,
} from "../../src/isa/insn-table.ts";

// What the text of an A64 disassembler says about an instruction, in the terms of the instruction table: the second,
// independent reading that the decoder is compared with. It knows mnemonics and operand positions, no encodings.

export interface TextFacts {
  kind: number;
  target: number;
  writes: number;
}

const SP_BIT = 1 << 31;
const LINK_BIT = 1 << 30;

/** Bit of an integer register by its name; 0 for the zero register and for anything else. */
function bitOfName(text: string | undefined): number {
  if (text === undefined) return 0;
  const name = text.trim();
  if (name === "sp" || name === "wsp") return SP_BIT;
  if (name === "lr") return LINK_BIT;
  if (name === "fp") return 1 << 29;
  const match = /^[xw](\d+)$/.exec(name);
  return match === null ? 0 : 1 << Number(match[1]);
}

/** Operands at the top level: commas in brackets and braces do not count. */
function splitOperands(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let part = "";
  for (const char of text) {
    if (char === "[" || char === "{") depth++;
    if (char === "]" || char === "}") depth--;
    if (char === "," && depth === 0) {
      out.push(part.trim());
      part = "";
    } else part += char;
  }
  if (part.trim() !== "") out.push(part.trim());
  return out;
}

const kindOfMnemonic = new Map<string, number>([
  ["bl", KIND_CALL],
  ["b", KIND_JUMP],
  ["b.al", KIND_JUMP],
  ["b.nv", KIND_JUMP],
  ["cbz", KIND_BRANCH],
  ["cbnz", KIND_BRANCH],
  ["tbz", KIND_BRANCH],
  ["tbnz", KIND_BRANCH],
  ["svc", KIND_CONTEXT_CALL],
  ["hvc", KIND_CONTEXT_CALL],
  ["smc", KIND_CONTEXT_CALL],
  ["hlt", KIND_TRAP],
  ["udf", KIND_TRAP],
  ["dcps1", KIND_TRAP],
  ["dcps2", KIND_TRAP],
  ["dcps3", KIND_TRAP],
  ["eret", KIND_CONTEXT_RETURN],
  ["eretaa", KIND_CONTEXT_RETURN],
  ["eretab", KIND_CONTEXT_RETURN],
  ["drps", KIND_CONTEXT_RETURN],
  ["nop", KIND_NOP],
  ["paciasp", KIND_LANDING_PAD],
  ["pacibsp", KIND_LANDING_PAD],
]);

/** Hints that capstone 5 prints by number; the rest of them execute as no-ops. */
const kindOfUnnamedHint = new Map<number, number>([
  [6, KIND_OTHER], // dgh
  [19, KIND_OTHER], // gcsb
  [22, KIND_OTHER], // clrbhb
  [34, KIND_LANDING_PAD], // bti c
  [36, KIND_LANDING_PAD], // bti j
  [38, KIND_LANDING_PAD], // bti jc
  [39, KIND_OTHER], // pacm
  [40, KIND_OTHER], // chkfeat x16
]);

function kindOf(mnemonic: string, operands: readonly string[]): number {
  const known = kindOfMnemonic.get(mnemonic);
  if (known !== undefined) return known;
  if (/^bc?\.\w\w$/.test(mnemonic)) return KIND_BRANCH;
  if (/^br(a[ab]z?)?$/.test(mnemonic)) return KIND_INDIRECT_JUMP;
  if (/^blr(a[ab]z?)?$/.test(mnemonic)) return KIND_INDIRECT_CALL;
  if (/^ret(a[ab])?$/.test(mnemonic)) return KIND_RETURN;
  const first = operands[0] ?? "";
  if (mnemonic === "bti") return first === "" ? KIND_NOP : KIND_LANDING_PAD;
  if (mnemonic === "brk") {
    const imm = Number(first.replace("#", ""));
    return (imm >= 4 && imm <= 7) || (imm >= 0x400 && imm <= 0x7ff) ? KIND_CONTEXT_CALL : KIND_BUG;
  }
  if (mnemonic === "msr" && first === "pan")
    return operands[1] === "#0" || operands[1] === "#0x0" ? KIND_ACCESS_OPEN : KIND_ACCESS_CLOSE;
  if (mnemonic === "hint") return kindOfUnnamedHint.get(Number(first.replace("#", ""))) ?? KIND_NOP;
  return KIND_OTHER;
}

/** Mnemonics whose operands are all read. */
const writesNothing =
  /^(cmp|cmpp|cmn|tst|ccmp|ccmn|b|bc?\.\w\w|cbn?z|tbn?z|br\w*|ret\w*|eret\w*|drps|msr|msrr|sys|sysp|dc|ic|at|tlbi|tlbip|cfp|cpp|dvp|cosp|trcit|gcspush\w*|gcsss1|brb|wfet|wfit|prf\w*|rprfm|svc|hvc|smc|hlt|udf|brk|dcps\d|tcancel|rmif|setf\d+|ctermeq|ctermne|nop|hint|isb|dsb|dmb|clrex|psb|tsb|bti|stg|st2g|stzg|stz2g|stgm|stzgm|st64b|gcsstr|gcssttr)$/;
const pairLoads = /^(ldp|ldnp|ldpsw|ldxp|ldaxp|ldiapp|mrrs)$/;
/** The old value comes back in the second operand. */
const atomicLoads = /^(ld(add|clr|eor|set|smax|smin|umax|umin)|swp)(a|l|al)?[bh]?$/;
const signsLink = /^(pac|aut)i[ab](z|sp)$/;
const signs1716 = /^(pac|aut)i[ab]1716$/;

/** @param address of the instruction, from which the disassembler counted its branch targets */
export function factsOfText(mnemonic: string, text: string): TextFacts {
  const operands = splitOperands(text);
  const kind = kindOf(mnemonic, operands);
  let target = NONE;
  if (kind === KIND_JUMP || kind === KIND_BRANCH || kind === KIND_CALL) {
    target = Number((operands.at(-1) as string).replace("#", ""));
  }
  return { kind, target, writes: writesOf(mnemonic, operands) >>> 0 };
}

function writesOf(mnemonic: string, operands: readonly string[]): number {
  const first = bitOfName(operands[0]);
  const second = bitOfName(operands[1]);
  if (/^(bl|blr\w*)$/.test(mnemonic) || signsLink.test(mnemonic) || mnemonic === "xpaclri") return LINK_BIT;
  if (signs1716.test(mnemonic)) return 1 << 17;
  if (mnemonic === "chkfeat" || (mnemonic === "hint" && Number(operands[0]?.replace("#", "")) === 40)) return 1 << 16;
  if (mnemonic === "msr" && operands[0] === "spsel") return SP_BIT;
  if (writesNothing.test(mnemonic)) return base(operands);
  if (/^st64bv0?$/.test(mnemonic)) return first;
  if (mnemonic === "ld64b") return first * 0xff;
  if (/^stl?xp$|^stl?xr[bh]?$/.test(mnemonic)) return first;
  if (/^casp/.test(mnemonic)) return first | second;
  if (/^cas/.test(mnemonic)) return first;
  if (atomicLoads.test(mnemonic)) return second;
  if (/^(cpyf?|setg?)[pme]/.test(mnemonic)) return updated(operands);
  if (/^st/.test(mnemonic)) return base(operands);
  if (pairLoads.test(mnemonic)) return first | second | base(operands);
  // Vector results have names that are no integer register, which gives 0.
  return first | base(operands);
}

/** Memory copy and set mark with "!" what they update. */
function updated(operands: readonly string[]): number {
  let bits = 0;
  for (const operand of operands) if (operand.endsWith("!")) bits |= bitOfName(operand.replace(/[[\]!]/g, ""));
  return bits;
}

/** The base register of a pre-index or post-index address. */
function base(operands: readonly string[]): number {
  const at = operands.findIndex((operand) => operand.startsWith("["));
  if (at < 0) return 0;
  const address = operands[at] as string;
  if (!address.endsWith("!") && at === operands.length - 1) return 0;
  return bitOfName(/^\[([a-z0-9]+)/.exec(address)?.[1]);
}

/** Base, constant and mode of an address operand such as `[x1, #16]!`; undefined for register offsets and without address. */
export function addressOfText(
  text: string,
): { base: number; offset: number; mode: "offset" | "pre" | "post" } | undefined {
  const match = /\[(\w+)(?:, #(-?\w+))?\](!)?(?:, #(-?\w+))?$/.exec(text);
  if (match === null) return undefined;
  const [, name, inside, bang, behind] = match;
  const base = 31 - Math.clz32(bitOfName(name));
  if (behind !== undefined) return { base, offset: signedNumber(behind), mode: "post" };
  return { base, offset: inside === undefined ? 0 : signedNumber(inside), mode: bang === "!" ? "pre" : "offset" };
}

/** capstone prints negative numbers as "-0x10" in one place and as 64-bit unsigned ones in another. */
function signedNumber(text: string): number {
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(BigInt.asIntN(64, BigInt(text)));
}
