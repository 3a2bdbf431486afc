import { NONE } from "../base/table.ts";
import { SHF_EXECINSTR, STT_FILE, STT_FUNC, STT_SECTION } from "../elf/constants.ts";
import { FLAG_FORMS_ADDRESS, KIND_JUMP, KIND_LANDING_PAD, KIND_NOP, KIND_RETURN } from "../isa/insn-table.ts";
import { type Code, insnAt, insnEnd } from "./code.ts";
import { type Functions, isPrefix } from "./functions.ts";
import { MARK_NOENDBR, type Marks } from "./marks.ts";
import type { Landing } from "./outside.ts";

// Where an object takes addresses of code, and what an indirect branch to such an address would find there.

/** A place that holds or forms the address of something that may be code. */
export interface AddressTaken {
  /** Section that holds it, and the byte offset of the relocated field there (of the instruction where the assembler resolved it). */
  readonly section: number;
  readonly offset: number;
  /** -> instruction that takes it; NONE for data */
  readonly insn: number;
  /** -> symbol that the relocation names; NONE where the assembler resolved it */
  readonly symbol: number;
  /** Section that is pointed into; NONE for a symbol of another object */
  readonly toSection: number;
  /** Byte offset there; for a symbol of another object from the symbol. */
  readonly toOffset: number;
}

// Sections whose references to code are looked up, patched or printed, and never branched through. Read by: kernel/module, kernel/extable.c,
// lib/bug.c, kernel/jump_label.c, arch/x86/kernel/{alternative,callthunks,unwind_orc}.c, kernel/trace/ftrace.c, kernel/kprobes.c,
// lib/error-inject.c, kernel/cfi.c of Linux 6.1 to 6.19; debuggers and unwinders.
const addressTables: ReadonlySet<string> = new Set([
  ".altinstructions",
  ".call_sites",
  ".cfi_sites",
  ".eh_frame",
  ".ibt_endbr_seal",
  ".init.klp_funcs",
  ".kcfi_traps",
  ".llvm_bb_addr_map",
  ".orc_unwind_ip",
  ".parainstructions",
  ".retpoline_sites",
  ".return_sites",
  ".sframe",
  ".smp_locks",
  ".static_call_sites",
  "__bug_table",
  "__ex_table",
  "__jump_table",
  "__mcount_loc",
  "_error_injection_whitelist",
  "_kprobe_blacklist",
]);
/** arch/x86/include/asm/ibt.h, IBT_NOSEAL: of what is thrown away, the one section that says of an address that it is branched to. */
const KEPT_PAD = ".discard.ibt_endbr_noseal";

/** Whether a section's addresses of code never lead to an indirect branch. */
export function isAddressTable(section: string): boolean {
  if (section.startsWith(".discard")) return section !== KEPT_PAD;
  return section.startsWith(".debug") || section.includes("__patchable_function_entries") || addressTables.has(section);
}

/**
 * Every address that an object takes by a relocation outside of a direct branch, and those of code that the assembler resolved by itself.
 * One object is reused for all calls. Linear in relocations and instructions.
 */
export function forEachAddressTaken(code: Code, visit: (taken: AddressTaken) => void): void {
  const { sections, sectionName } = code.object;
  for (let s = 1; s < sections.length; s++) {
    if (code.sectionEnd[s] !== code.sectionStart[s]) inCode(code, s, visit);
    else if (((sections.flags[s] as number) & SHF_EXECINSTR) === 0 && !isAddressTable(sectionName[s] as string))
      inData(code, s, visit);
  }
}

type Draft = { -readonly [key in keyof AddressTaken]: AddressTaken[key] };

function inData(code: Code, section: number, visit: (taken: AddressTaken) => void): void {
  const relocs = code.object.relocs(section);
  const taken: Draft = { section, offset: 0, insn: NONE, symbol: NONE, toSection: NONE, toOffset: 0 };
  for (let r = 0; r < relocs.length; r++) {
    taken.offset = relocs.offset[r] as number;
    place(code, relocs.symbol[r] as number, relocs.addend[r] as number, taken);
    visit(taken);
  }
}

function place(code: Code, symbol: number, addend: number, taken: Draft): void {
  const { symbols } = code.object;
  taken.symbol = symbol;
  taken.toSection = symbols.section[symbol] as number;
  taken.toOffset = (symbols.value[symbol] as number) + addend;
}

function inCode(code: Code, section: number, visit: (taken: AddressTaken) => void): void {
  const { insns } = code;
  const relocs = code.object.relocs(section);
  const displaced = code.arch.relocs.displacementFrom === "insn-end";
  const taken: Draft = { section, offset: 0, insn: NONE, symbol: NONE, toSection: NONE, toOffset: 0 };
  const { kind, flags } = insns;
  const { reloc } = code;
  const from = code.sectionStart[section] as number;
  const to = code.sectionEnd[section] as number;
  reloc.forEach(
    (insn, first) => {
      const k = kind[insn] as number;
      if ((k >= KIND_JUMP && k <= KIND_RETURN) || k === KIND_NOP) return;
      taken.insn = insn;
      const end = insnEnd(code, insn);
      for (let r = first; r < relocs.length && (relocs.offset[r] as number) < end; r++) {
        taken.offset = relocs.offset[r] as number;
        const relative = displaced && code.arch.relocs.isPcRelative(relocs.type[r] as number);
        const addend = (relocs.addend[r] as number) + (relative ? end - taken.offset : 0);
        place(code, relocs.symbol[r] as number, addend, taken);
        visit(taken);
      }
    },
    from,
    to,
  );
  insns.target.forEach(
    (insn, target) => {
      if (((flags[insn] as number) & FLAG_FORMS_ADDRESS) === 0 || reloc.at(insn) !== NONE) return;
      taken.insn = insn;
      taken.offset = insns.offset[insn] as number;
      taken.symbol = NONE;
      taken.toSection = section;
      taken.toOffset = target;
      visit(taken);
    },
    from,
    to,
  );
}

/** What indirect branches find in one object. */
export class LandingPads {
  readonly #code: Code;
  readonly #functions: Functions;
  readonly #marks: Marks;
  #labels: Set<number> | undefined;

  constructor(flow: { readonly code: Code; readonly functions: Functions; readonly marks: Marks }) {
    this.#code = flow.code;
    this.#functions = flow.functions;
    this.#marks = flow.marks;
  }

  /** @param named symbol that the place is asked for by; NONE for a section's symbol or none */
  at(section: number, offset: number, named: number = NONE): Landing {
    const insn = insnAt(this.#code, section, offset);
    if (insn === NONE) return "data";
    if (this.#code.insns.kind[insn] === KIND_LANDING_PAD) return "pad";
    if (this.#isExempt(insn)) return "exempt";
    return this.#isBound(section, offset, insn, named) ? "bound" : "none";
  }

  #isExempt(insn: number): boolean {
    return ((this.#marks.bits[insn] as number) & MARK_NOENDBR) !== 0;
  }

  #isBound(section: number, offset: number, insn: number, named: number): boolean {
    const { object } = this.#code;
    const before = offset > 0 ? this.#functions.symbolCovering(section, offset - 1) : NONE;
    if (before === NONE) return false;
    const start = object.symbols.value[before] as number;
    if (start + (object.symbols.size[before] as number) !== offset) return false;
    const first = insnAt(this.#code, section, start);
    if (first === NONE) return false;
    if (this.#code.insns.kind[first] !== KIND_LANDING_PAD && !this.#isExempt(first)) return false;
    const f = this.#functions.ofInsn[insn] as number;
    const { table } = this.#functions;
    // Padding that the build's tool has made a symbol of is no function that somebody means.
    const begins = f !== NONE && table.start[f] === offset && !isPrefix(table, f);
    if (!begins) {
      // Assembly that is no function has a size too; what only bounds a range has none.
      const covering = f === NONE ? this.#functions.symbolCovering(section, offset) : NONE;
      return covering === NONE || object.symbols.value[covering] !== offset;
    }
    // A function begins there too: then only a label that is none speaks for a bound.
    const { symbols } = object;
    if (named !== NONE && symbols.type[named] !== STT_SECTION && symbols.value[named] === offset)
      return symbols.type[named] !== STT_FUNC;
    return this.#labelled().has(section * KEY + offset);
  }

  /** Places in code that have a name which is no function's. */
  #labelled(): Set<number> {
    if (this.#labels !== undefined) return this.#labels;
    this.#labels = new Set();
    const { symbols } = this.#code.object;
    for (let s = 1; s < symbols.length; s++) {
      const section = symbols.section[s] as number;
      const type = symbols.type[s];
      if (section <= 0 || type === STT_FUNC || type === STT_SECTION || type === STT_FILE) continue;
      if (this.#code.sectionEnd[section] !== this.#code.sectionStart[section])
        this.#labels.add(section * KEY + (symbols.value[s] as number));
    }
    return this.#labels;
  }
}

const KEY = 0x1_0000_0000;
