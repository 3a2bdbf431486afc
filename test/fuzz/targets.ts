import { bytesSource } from "../../src/base/bytes.ts";
import { openObject } from "../../src/elf/object.ts";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { codeSections, readArm64Objects } from "../support/arm64-objects.ts";
import { compile } from "../support/assemble.ts";
import { analyzeTarget } from "./analyze-target.ts";
import { cfiTarget } from "./cfi-target.ts";
import { decodeTarget } from "./decode-target.ts";
import { dwarfTarget } from "./dwarf-target.ts";
import { elfTarget } from "./elf-target.ts";
import { kernelTarget } from "./kernel-target.ts";
import { orcTarget } from "./orc-target.ts";
import { sframeTarget } from "./sframe-target.ts";
import type { FuzzTarget } from "./target.ts";

/** Every reader of foreign bytes. A new one: write a FuzzTarget beside these and add it here. */
export const targets: readonly FuzzTarget[] = [
  elfTarget,
  decodeTarget(arm64, () =>
    readArm64Objects().flatMap(({ object }) =>
      codeSections(object).map((section) => object.bytes(section).slice(0, 4096)),
    ),
  ),
  decodeTarget(x86_64, x86Seeds),
  dwarfTarget,
  cfiTarget,
  analyzeTarget,
  orcTarget,
  sframeTarget,
  kernelTarget,
];

/** Code of the installed compiler with most encodings that a kernel has, and SSE and AVX for the prefixes. */
function x86Seeds(): readonly Uint8Array[] {
  const source = `
    typedef unsigned long u64; extern int other(int, ...); struct big { u64 a[9]; }; extern struct big more(double, u64);
    u64 mix(u64 *p, int n, double d) { u64 s = 0; for (int i = 0; i < n; i++) { s ^= p[i] * 31 + (s >> 7); if (s & 1) s += other(i, s, d); }
      switch (n) { case 1: return s; case 2: return s / p[1]; case 3: return __builtin_bswap64(s); case 4: return __builtin_popcountl(s);
        case 5: return more(d, s).a[2]; case 6: return s % 10; default: return n > 40 ? s << n : s | (u64)p; } }
    void shuffle(float *a, const float *b, int n) { for (int i = 0; i < n; i++) a[i] = a[i] * b[i] + 1.5f; }
    void copy(char *a, const char *b, u64 n) { __builtin_memcpy(a, b, n); __builtin_memset(a, 0, 512); __sync_fetch_and_add((int *)a, 1); }`;
  return [["-O2"], ["-O0"], ["-O3", "-march=haswell"], ["-O3", "-march=skylake-avx512"], ["-Os", "-fno-pic"]].map(
    (flags) => {
      const object = openObject(bytesSource(compile(source, flags).bytes));
      return object.bytes(object.findSection(".text"));
    },
  );
}
