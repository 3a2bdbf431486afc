import { analyzeObject, type TreeFacts } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { readArm64Objects } from "../support/arm64-objects.ts";
import { assemble, compile } from "../support/assemble.ts";
import type { FuzzTarget } from "./target.ts";

const facts: TreeFacts = { source: "fuzz", noreturn: new Set(["panic", "do_exit"]), accessSafe: new Set(["other"]) };

/** Everything that happens to an object, from its bytes to findings. */
export const analyzeTarget: FuzzTarget = {
  name: "analyze",
  seeds: () => [
    ...readArm64Objects()
      .map(({ bytes }) => bytes)
      .filter((bytes) => bytes.length < 10_000),
    ...[["-O2", "-g"], ["-O0"], ["-O2", "-fno-omit-frame-pointer"], ["-O2", "-ffunction-sections"]].map(compileFrames),
    assemble(HAND_WRITTEN).bytes,
  ],
  read(bytes) {
    const result = analyzeObject(bytesSource(bytes), { facts });
    for (const finding of result.findings) {
      finding.functionLines();
      finding.graph();
      finding.frames();
    }
  },
};

function compileFrames(flags: readonly string[]): Uint8Array {
  const source = `
    extern void panic(const char *) __attribute__((noreturn)); extern int other(int, void *);
    int frames(int n, char *p) { char room[n + 16]; if (n > 1000) panic("too many"); return other(n, room) + other(n + 1, p); }
    int table(int x) { switch (x) { case 0: return other(1, 0); case 1: return 7; case 2: return other(3, 0); case 3: return 1;
      case 4: return other(5, 0); case 5: return other(6, 0); case 6: __builtin_unreachable(); default: return -1; } }
    static __attribute__((noinline, cold)) int rare(int x) { return other(x, 0); }
    int tail(int x) { if (__builtin_expect(x < 0, 0)) return rare(x); return other(x, &x + 1); }`;
  return compile(source, flags).bytes;
}

/** The sections by which assembly tells the validator something: alternatives, exception table, hints, annotations. */
const HAND_WRITTEN = `
  .text
  .type entry, @function
entry: push %rbp
  mov %rsp, %rbp
661: stac
662: mov (%rdi), %rax
  clac
  std
  cld
  call other
663: jmp *%rax
  pop %rbp
  ret
  .size entry, .-entry
  .type fixup, @function
fixup: ud2
  ret
  .size fixup, .-fixup
  .section .altinstructions, "a"
  .long 661b - ., 771f - .
  .word 308, 0
  .byte 3, 3
  .section .altinstr_replacement, "ax"
771: clac
  .section __ex_table, "a"
  .long 662b - ., fixup - ., 3
  .section __jump_table, "aw"
  .long 663b - ., fixup - .
  .quad 0
  .section .discard.reachable
  .long fixup - .
  .section .discard.retpoline_safe
  .long 663b - .
  .section .discard.unwind_hints
  .long 662b - .
  .short 16
  .byte 5, 0, 2, 0, 0, 0
  .section .discard.annotate_insn, "M", @progbits, 8
  .long 661b - ., 1
`;
