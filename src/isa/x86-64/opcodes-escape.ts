import * as d from "./descriptor.ts";
import { R8, R9, R10, R11, RAX, RBX, RCX, RDI, RDX, RSI, RSP } from "./registers.ts";

// The maps behind 0f, 0f 38 and 0f 3a (SDM volume 2, tables; AMD64 APM volume 3, appendix A). Not here, and so
// unknown: 3DNow! (0f 0f), test registers (0f 24, 0f 26), MPX as anything but the no-ops that its opcodes are now.

const { OTHER, MODRM, LOCKABLE, IMM_8, action, byPrefix, group } = d;
const T = d.MAP_0F;
const AX = 1 << RAX;
const CX = 1 << RCX;
const DX = 1 << RDX;
const BX = 1 << RBX;
const SP = 1 << RSP;
const SI = 1 << RSI;
const DI = 1 << RDI;

const X = OTHER | MODRM;
const XI = OTHER | MODRM | IMM_8;
const TO_REG = X | d.W_REG;
const TO_RM = X | d.W_RM;

export function defineEscapeMaps(): void {
  defineSystem();
  defineIntegers();
  defineVectors();
  define0F38();
  define0F3A();
}

function defineSystem(): void {
  // sldt and str write a register, lldt, ltr, verr, verw read one; f2 /6 is lkgs
  d.put(T, group([TO_RM, TO_RM, X, X, X, X, X]));
  const relookUp = X | action(d.ACTION_SYSTEM);
  // memory: sgdt, sidt, lgdt, lidt, smsw, rstorssp, lmsw, invlpg
  d.put(
    T + 0x01,
    group(new Array<number>(8).fill(X), [relookUp, relookUp, relookUp, relookUp, TO_RM, relookUp, X, relookUp]),
  );
  defineSystemRegisters();
  d.fill(T, "02-03", TO_REG); // lar, lsl
  d.fill(T, "05", [d.CONTEXT_CALL, CX | (1 << R11)]); // syscall
  d.fill(T, "06 08-09 0e 30", OTHER); // clts, invd, wbinvd, femms, wrmsr
  d.fill(T, "07 35 aa", d.CONTEXT_RETURN); // sysret, sysexit, rsm
  d.fill(T, "0b", d.BUG); // ud2
  d.fill(T, "b9 ff", d.BUG | MODRM); // ud1, ud0
  d.fill(T, "0d", X); // prefetch
  // prefetch hints; everything else in 18-1f does nothing on a processor that knows nothing better
  const hint = d.NOP | MODRM;
  const hints = new Array<number>(8).fill(hint);
  d.put(T + 0x18, group([X, X, X, X, hint, hint, X, X], hints));
  d.fill(T, "19-1f", hint);
  d.put(
    T + 0x1e,
    byPrefix(
      hint,
      hint,
      group(
        hints,
        hints.map(() => hint | action(d.ACTION_SHADOW_STACK_HINT)),
      ),
      hint,
    ),
  );
  d.fill(T, "20-21", OTHER | MODRM | d.REGISTERS_ONLY | d.W_RM); // mov from control and debug registers
  d.fill(T, "22-23", OTHER | MODRM | d.REGISTERS_ONLY);
  d.fill(T, "31-33", [OTHER, AX | DX]); // rdtsc, rdmsr, rdpmc
  d.fill(T, "34", d.CONTEXT_CALL); // sysenter
  d.fill(T, "37", [OTHER, AX | BX | CX]); // getsec
  d.fill(T, "77", OTHER); // emms
  // vmread, vmwrite; SSE4a extrq and insertq
  d.put(T + 0x78, byPrefix(TO_RM, group([], [X | d.IMM_8_8]), 0, group([], new Array<number>(8).fill(X | d.IMM_8_8))));
  d.put(T + 0x79, byPrefix(X, X, 0, X));
  d.fill(T, "a0 a8", [OTHER | action(d.ACTION_PUSH_OTHER), SP]); // push fs, gs
  d.fill(T, "a1 a9", [OTHER | action(d.ACTION_POP_OTHER), SP]);
  d.fill(T, "a2", [OTHER, AX | BX | CX | DX]); // cpuid
  // VIA PadLock: montmul, xsha1, xsha256; xstore, xcrypt (VIA PadLock Programming Guide 1.66); with rep they count in rcx
  const padLock = X | action(d.ACTION_STRING);
  const crypt: d.Entry = [padLock, AX | SI | DI];
  d.put(T + 0xa6, group([], [[padLock, AX | DX | SI], crypt, crypt]));
  d.put(T + 0xa7, group([], [[padLock, AX | DI], crypt, crypt, crypt, crypt, crypt]));
  // fxsave, fxrstor, ldmxcsr, stmxcsr, xsave, xrstor, xsaveopt, clflush; register: lfence, mfence, sfence
  const save = [X, X, X, X, X, X, X, X];
  const fence = [0, 0, 0, 0, 0, X, X, X];
  d.put(
    T + 0xae,
    byPrefix(
      group(save, fence),
      group(save, [0, 0, 0, 0, 0, X, X, X]), // clwb, clflushopt; tpause
      group(save, [TO_RM, TO_RM, X, X, X, X, X, X]), // ptwrite, clrssbsy; rd/wr fs/gsbase, incssp, umonitor
      group(save, fence), // umwait
    ),
  );
}

/** 0f 01 with a register ModRM: opcode = ModRM byte. */
function defineSystemRegisters(): void {
  const at = (pp: number, modrm: number, entry: d.Entry) => d.put(d.MAP_SYSTEM + pp * 64 + (modrm & 0x3f), entry);
  // vmcall, vmlaunch, vmresume, vmxoff, wrmsrns, monitor, mwait, encls, xsetbv, vmfunc, xend, xtest, enclu, vmmcall,
  // vmload, vmsave, stgi, clgi, invlpga, serialize, wrpkru, swapgs, monitorx, mwaitx, clzero, invlpgb, tlbsync
  const plain = [0xc1, 0xc2, 0xc3, 0xc4, 0xc6, 0xc8, 0xc9, 0xd1, 0xd4, 0xd5, 0xd6, 0xd9];
  plain.push(0xda, 0xdb, 0xdc, 0xdd, 0xdf, 0xe8, 0xef, 0xf8, 0xfa, 0xfb, 0xfc, 0xfe, 0xff);
  for (const modrm of plain) at(0, modrm, X);
  at(0, 0xc0, [X, AX]); // enclv
  at(0, 0xc5, [X, AX]); // pconfig
  at(0, 0xca, d.ACCESS_CLOSE | MODRM);
  at(0, 0xcb, d.ACCESS_OPEN | MODRM);
  at(0, 0xcf, [X, AX]); // encls; the one leaf that writes rbx too, EDBGRD, says so in its asm constraints
  at(0, 0xd7, [X, AX]); // enclu
  at(0, 0xd0, [X, AX | DX]); // xgetbv
  at(0, 0xd8, [X, AX]); // vmrun
  at(0, 0xde, [X, AX]); // skinit
  at(0, 0xee, [X, AX | DX]); // rdpkru
  at(0, 0xf9, [X, AX | CX | DX]); // rdtscp
  at(0, 0xfd, [X, AX | DX]); // rdpru
  // tdcall, seamret, seamops, seamcall: their output registers by the TDX module's calling convention
  const output = AX | CX | DX | (1 << R8) | (1 << R9) | (1 << R10) | (1 << R11);
  for (const modrm of [0xcc, 0xcd, 0xce, 0xcf]) at(1, modrm, [X, output]);
  at(2, 0xc6, X); // wrmsrlist
  at(3, 0xc6, X); // rdmsrlist
  at(2, 0xca, d.CONTEXT_RETURN | MODRM); // eretu
  at(3, 0xca, d.CONTEXT_RETURN | MODRM); // erets
  at(2, 0xd9, X); // vmgexit
  at(3, 0xd9, X);
  at(2, 0xe8, X); // setssbsy
  at(2, 0xea, X); // saveprevssp
  at(2, 0xec, d.CONTEXT_RETURN | MODRM); // uiret
  for (const modrm of [0xed, 0xee, 0xef]) at(2, modrm, X); // testui, clui, stui
  at(3, 0xe8, X); // xsusldtrk
  at(3, 0xe9, X); // xresldtrk
  at(2, 0xfa, X); // mcommit
  at(2, 0xfd, [X, AX | CX | DX]); // rmpquery
  at(3, 0xfd, [X, AX | CX | DX]); // rmpread
  for (const pp of [2, 3]) for (const modrm of [0xfe, 0xff]) at(pp, modrm, [X, AX]); // rmpadjust, rmpupdate, psmash, pvalidate
  // A prefix that chooses nothing is ignored, as other disassemblers do.
  for (let pp = 1; pp < 4; pp++) {
    for (let modrm = 0; modrm < 64; modrm++) {
      if (d.descriptors[d.MAP_SYSTEM + pp * 64 + modrm] !== 0) continue;
      const plain = d.MAP_SYSTEM + modrm;
      at(pp, modrm, [d.descriptors[plain] as number, d.fixedWrites[plain] as number]);
    }
  }
}

function defineIntegers(): void {
  d.fill(T, "40-4f", TO_REG); // cmov: writes its destination even when the condition is false (zero extension)
  d.fill(T, "80-8f", d.BRANCH | d.IMM_REL32);
  d.fill(T, "90-9f", X | d.W_RM8); // set
  d.fill(T, "a3", X); // bt
  d.fill(T, "ab b3 bb", TO_RM | LOCKABLE); // bts, btr, btc
  d.fill(T, "a4 ac", XI | d.W_RM); // shld, shrd
  d.fill(T, "a5 ad", TO_RM);
  d.fill(T, "af b6-b7 bc-bf", TO_REG); // imul, movzx, bsf, tzcnt, bsr, lzcnt, movsx
  d.fill(T, "b0", [X | d.W_RM8 | LOCKABLE, AX]); // cmpxchg
  d.fill(T, "b1", [TO_RM | LOCKABLE, AX]);
  const farPointer = group(new Array<number>(8).fill(TO_REG), []);
  d.fill(T, "b2 b4-b5", farPointer); // lss, lfs, lgs
  d.put(T + 0xb8, byPrefix(0, 0, TO_REG, 0)); // popcnt
  d.put(T + 0xba, group([0, 0, 0, 0, XI, XI | d.W_RM | LOCKABLE, XI | d.W_RM | LOCKABLE, XI | d.W_RM | LOCKABLE]));
  d.fill(T, "c0", X | d.W_REG8 | d.W_RM8 | LOCKABLE); // xadd
  d.fill(T, "c1", X | d.W_REG | d.W_RM | LOCKABLE);
  d.fill(T, "c3", group(new Array<number>(8).fill(X), [])); // movnti
  // memory: cmpxchg8b, xrstors, xsavec, xsaves, vmptrld (66: vmclear, f3: vmxon), vmptrst; register: rdrand, rdseed
  const exchange: d.Entry = [X | LOCKABLE, AX | DX];
  const memory = [0, exchange, 0, X, X, X, X, X];
  const random = group(memory, [0, 0, 0, 0, 0, 0, TO_RM, TO_RM]);
  const user = group(memory, [0, 0, 0, 0, 0, 0, X, TO_RM]); // senduipi, rdpid
  d.put(T + 0xc7, byPrefix(random, random, user, random));
  d.fill(T, "c8-cf", OTHER | d.W_RM); // bswap
}

/**
 * MMX and SSE: which mandatory prefixes an opcode exists with, and the few that reach a general register. Forms that only their
 * operands make invalid (a register where memory has to be) decode.
 */
function defineVectors(): void {
  const mmx = byPrefix(X, X, 0, 0); // with 66 the same on xmm registers
  d.fill(T, "14-15 28-29 2e-2f 54-57 60-6b 6e 74-76", mmx);
  d.fill(T, "d1-d5 d8-df e0-e5 e7-ef f1-fe 13 17", mmx);
  d.fill(T, "10-12 2a-2b 51 58-5a 5c-5f", X);
  d.put(T + 0x16, byPrefix(X, X, X, 0));
  d.fill(T, "5b 6f 7f", byPrefix(X, X, X, 0));
  d.fill(T, "52-53", byPrefix(X, 0, X, 0));
  d.fill(T, "6c-6d", byPrefix(0, X, 0, 0));
  d.fill(T, "7c-7d d0", byPrefix(0, X, 0, X));
  d.fill(T, "d6 e6", byPrefix(0, X, X, X));
  d.put(T + 0xf0, byPrefix(0, 0, 0, X)); // lddqu
  const mask = group([], new Array<number>(8).fill(TO_REG));
  d.fill(T, "50 d7", byPrefix(mask, mask, 0, 0)); // movmskps, pmovmskb
  d.fill(T, "2c-2d", byPrefix(X, X, TO_REG, TO_REG)); // cvttss2si, cvtss2si
  d.fill(T, "70 c2", XI);
  d.fill(T, "c4 c6", byPrefix(XI, XI, 0, 0));
  const extract = group([], new Array<number>(8).fill(XI | d.W_REG));
  d.put(T + 0xc5, byPrefix(extract, extract, 0, 0)); // pextrw
  const shift = group([], [0, 0, XI, 0, XI, 0, XI]);
  d.fill(T, "71-72", byPrefix(shift, shift, 0, 0));
  d.put(T + 0x73, byPrefix(group([], [0, 0, XI, 0, 0, 0, XI]), group([], [0, 0, XI, XI, 0, 0, XI, XI]), 0, 0));
  d.put(T + 0x7e, byPrefix(TO_RM, TO_RM, X, 0)); // movd, movq
}

function define0F38(): void {
  const M = d.MAP_0F38;
  d.fill(M, "00-0b 1c-1e", byPrefix(X, X, 0, 0));
  d.fill(M, "10 14-15 17 20-25 28-2b 30-35 37-41 80-82 cf db", byPrefix(0, X, 0, 0));
  d.fill(M, "c8-cd", byPrefix(X, 0, 0, 0)); // sha
  d.put(M + 0xd8, byPrefix(0, 0, X, 0)); // Key Locker; with dc-df, which are also aes
  d.fill(M, "dc-df", byPrefix(0, X, X, 0));
  d.fill(M, "8a-8b", TO_REG); // movrs
  // movbe, crc32
  d.put(M + 0xf0, byPrefix(TO_REG, TO_REG, 0, TO_REG));
  d.put(M + 0xf1, byPrefix(X, X, 0, TO_REG));
  d.put(M + 0xf5, byPrefix(0, X, 0, 0)); // wruss
  d.put(M + 0xf6, byPrefix(X, TO_REG, TO_REG, 0)); // wrss, adcx, adox
  // memory: movdir64b, enqcmds, enqcmd; register: uwrmsr, urdmsr
  const memory = new Array<number>(8).fill(X);
  d.put(M + 0xf8, byPrefix(0, group(memory, []), X, group(memory, new Array<number>(8).fill(TO_RM))));
  d.put(M + 0xf9, byPrefix(X, 0, 0, 0)); // movdiri
  d.fill(M, "fa-fb", byPrefix(0, 0, TO_REG, 0)); // encodekey128, encodekey256
  d.fill(M, "fc", X); // aadd, aand, aor, axor
}

function define0F3A(): void {
  const M = d.MAP_0F3A;
  d.put(M + 0x0f, byPrefix(XI, XI, 0, 0)); // palignr
  d.put(M + 0xcc, byPrefix(XI, 0, 0, 0)); // sha1rnds4
  d.fill(M, "08-0e 20-22 40-42 44 60 62 ce-cf df", byPrefix(0, XI, 0, 0));
  d.fill(M, "14-17", byPrefix(0, XI | d.W_RM, 0, 0)); // pextrb, pextrw, pextrd, extractps
  const index: d.Entry = [XI, CX];
  d.fill(M, "61 63", byPrefix(0, index, 0, 0)); // pcmpestri, pcmpistri
  d.put(M + 0xf0, byPrefix(0, 0, XI, 0)); // hreset
}
