import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { FLAG_INVALID, KIND_UNKNOWN, kindName } from "../../src/isa/insn-table.ts";
import { CapstoneX86 } from "../support/capstone-x86-64.ts";
import { Disagreements, type Tolerance } from "../support/disagreements.ts";
import { findKernelObjects } from "../support/kernel-objects.ts";
import { decodeX86, executableSections, hex, spread } from "../support/kernel-sections.ts";
import { disassemble } from "../support/objdump.ts";

// Decoder truth: over every executable section of real kernel objects our lengths, branch targets and kinds are those of capstone
// and of objdump. A disagreement is tolerated by name and bytes only.

const MIN_OBJECTS = 300;
const MAX_OBJECTS = 1200;

const capstoneTolerances: readonly Tolerance[] = [
  {
    name: "capstone: ud1 without its operands",
    why: "ud1 has a ModRM byte (SDM volume 2, UD); the static-call trampolines carry ud1 %esp,%ecx as a signature",
    bytes: /^0f b9 /,
    example: "0f b9 cc",
  },
  {
    name: "capstone: no lkgs",
    why: "f2 0f 00 /6 is LKGS (Intel FRED specification), younger than capstone 5.0",
    bytes: /^f2 (4. )?0f 00 [37bf][0-7] /,
    example: "f2 0f 00 f7 90",
  },
  {
    name: "capstone: no serialize",
    why: "0f 01 e8 is SERIALIZE (SDM volume 2), younger than capstone 5.0",
    bytes: /^0f 01 e8 /,
    example: "0f 01 e8 90",
  },
  {
    name: "capstone: no tilerelease",
    why: "VEX.128.NP.0F38.W0 49 c0 is TILERELEASE (SDM volume 2), younger than capstone 5.0",
    bytes: /^c4 e2 78 49 c0 /,
    example: "c4 e2 78 49 c0 90",
  },
  {
    name: "capstone: prefix of emulation taken for a trap",
    why: 'ud2; .ascii "xen" or "kvm" asks a hypervisor to emulate the next instruction (kernel arch/x86/include/asm/emulate_prefix.h)',
    bytes: /^0f 0b (78 65 6e|6b 76 6d) /,
    what: /^size 5, theirs 2$/,
    example: "0f 0b 78 65 6e 0f a2",
  },
];

const objdumpTolerances: readonly Tolerance[] = [
  {
    name: "objdump: no lkgs",
    why: "f2 0f 00 /6 is LKGS (Intel FRED specification), younger than binutils 2.40",
    bytes: /^f2 (4. )?0f 00 [37bf][0-7] /,
    example: "f2 0f 00 f7 90",
  },
  {
    name: "objdump: fwait joined with the next instruction",
    why: "9b is an instruction of its own (SDM volume 2, WAIT/FWAIT); finit is a name for the pair",
    bytes: /^9b (d9|db|dd|df) /,
    example: "9b db e3",
  },
  {
    name: "objdump: prefix of emulation taken for a trap",
    why: 'ud2; .ascii "xen" or "kvm" asks a hypervisor to emulate the next instruction (kernel arch/x86/include/asm/emulate_prefix.h)',
    bytes: /^0f 0b (78 65 6e|6b 76 6d) /,
    what: /^size 5, theirs 2$/,
    example: "0f 0b 78 65 6e 0f a2",
  },
];

/**
 * objdump starts anew at every symbol, so it cuts an instruction that has a symbol inside: the return thunks of
 * arch/x86/lib/retpoline.S are made that way. Known by the bytes of the instruction that is cut.
 */
const symbolInside: readonly Tolerance[] = [
  {
    name: "objdump: symbol inside an instruction",
    why: "retbleed_return_thunk and srso_safe_ret lie inside a movabs, retbleed's second entry inside a test",
    bytes: /^(48 b8 48 8d 64 24 08 c3|f6 c3 cc) /,
    what: /^size (10, theirs 1|3, theirs 1)$/,
    example: "",
  },
];

let objects: string[];
let capstone: CapstoneX86;

before(async () => {
  objects = spread(findKernelObjects(MIN_OBJECTS), MAX_OBJECTS, /\/arch\/x86\//);
  capstone = await CapstoneX86.open();
});

test("lengths and branch targets agree with capstone", (t) => {
  const found = new Disagreements(capstoneTolerances);
  let insnCount = 0;
  for (const path of objects) {
    for (const { name, bytes } of executableSections(path)) {
      const { insns } = decodeX86(bytes);
      const sweep = capstone.sweep(bytes);
      insnCount += insns.length;
      for (let i = 0, j = 0; i < insns.length && j < sweep.length; ) {
        const at = insns.offset[i] as number;
        const theirs = sweep.offset[j] as number;
        if (at !== theirs) {
          // behind a disagreement in length, which is already counted: go on where both start an instruction again
          if (at < theirs) i++;
          else j++;
          continue;
        }
        const here = () => hex(bytes.subarray(at, at + 15));
        const place = `${path} ${name}+0x${at.toString(16)}`;
        if (insns.size[i] !== sweep.size[j]) found.add(here(), `size ${insns.size[i]}, theirs ${sweep.size[j]}`, place);
        else if ((insns.kind[i] === KIND_UNKNOWN) !== (sweep.unknown[j] === 1))
          found.add(here(), "known to one", place);
        else if (insns.target[i] !== sweep.target[j]) {
          found.add(here(), `target ${insns.target[i]}, theirs ${sweep.target[j]}`, place);
        }
        i++;
        j++;
      }
    }
  }
  t.diagnostic(`${insnCount} instructions of ${objects.length} objects, ${found.summary()}`);
  found.assertAllNamed();
});

/** What an AT&T mnemonic, its prefixes cut off, says about the kind. Everything else is "other". */
const kindOfMnemonic: readonly (readonly [RegExp, string])[] = [
  [/^jmp +[0-9a-f]/, "jump"],
  [/^(j[a-z]+|loop[a-z]*)(,p[nt])? +[0-9a-f]|^xbegin/, "branch"],
  [/^call[wq]? +[0-9a-f]/, "call"],
  [/^(ljmp|jmp)[a-z]* +\*/, "indirect-jump"],
  [/^(lcall|call)[a-z]* +\*/, "indirect-call"],
  [/^l?ret[wq]?\b/, "return"],
  [/^int3/, "trap"],
  [/^ud[012]/, "bug"],
  [/^nop|^xchg +%ax,%ax$|^xchg +%rax,%rax$/, "nop"],
  [/^(iret|sysret|sysexit|rsm|uiret|eret)/, "context-return"],
  [/^(syscall|sysenter)/, "context-call"],
  [/^endbr/, "landing-pad"],
  [/^stac/, "access-open"],
  [/^clac/, "access-close"],
  [/^std/, "direction-set"],
  [/^cld$/, "direction-clear"],
];
const prefixes = /^((lock|repz?|repnz|data16|addr32|[cdefgs]s|rex(\.[WRXB]+)?|bnd|notrack) +)*/;
/** The address that a lea forms from rip is told behind a "#". */
const leaTarget = /^lea[wlq]? .*\(%rip\),.*# ([0-9a-f]+)/;
const branchTarget = /^(?:j[a-z]+|call[wq]?|loop[a-z]*|xbegin)(?:,p[nt])? +([0-9a-f]+)(?: <|$)/;

test("lengths, branch targets and kinds agree with objdump", (t) => {
  const found = new Disagreements([...objdumpTolerances, ...symbolInside]);
  let insnCount = 0;
  for (let from = 0; from < objects.length; from += 24) {
    const part = objects.slice(from, from + 24);
    const dumps = disassemble(part);
    assert.equal(dumps.length, part.length);
    part.forEach((path, p) => {
      const sections = executableSections(path);
      const dump = dumps[p] ?? [];
      assert.deepEqual(
        dump.map((d) => d.name),
        sections.map((s) => s.name),
        path,
      );
      sections.forEach(({ name, bytes }, s) => {
        const theirs = dump[s] as (typeof dump)[number];
        const { insns } = decodeX86(bytes);
        insnCount += insns.length;
        assert.equal((theirs.offset.at(-1) ?? 0) + (theirs.size.at(-1) ?? 0), bytes.length, `${path} ${name}`);
        for (let i = 0, j = 0; i < insns.length && j < theirs.offset.length; ) {
          const at = insns.offset[i] as number;
          const theirAt = theirs.offset[j] as number;
          if (at !== theirAt) {
            if (at < theirAt) i++;
            else j++;
            continue;
          }
          const text = (theirs.text[j] as string).replace(prefixes, "");
          const here = () => hex(bytes.subarray(at, at + 15));
          const place = `${path} ${name}+0x${at.toString(16)} ${text}`;
          const kind = kindName[insns.kind[i] as number] as string;
          const wanted = text.startsWith("(bad)")
            ? "unknown"
            : (kindOfMnemonic.find(([m]) => m.test(text))?.[1] ?? "other");
          const target = (branchTarget.exec(text) ?? leaTarget.exec(text))?.[1];
          const wantedTarget = target === undefined ? -1 : Number(BigInt.asIntN(32, BigInt(`0x${target}`)));
          if (insns.size[i] !== theirs.size[j])
            found.add(here(), `size ${insns.size[i]}, theirs ${theirs.size[j]}`, place);
          else if (kind !== wanted) found.add(here(), `kind ${kind}, theirs ${wanted}`, place);
          else if (insns.target[i] !== wantedTarget) {
            found.add(here(), `target ${insns.target[i]}, theirs ${wantedTarget}`, place);
          }
          i++;
          j++;
        }
      });
    });
  }
  t.diagnostic(`${insnCount} instructions of ${objects.length} objects, ${found.summary()}`);
  found.assertAllNamed();
});

test("a default build holds no byte that does not decode and no invalid instruction", () => {
  const odd: string[] = [];
  for (const path of objects) {
    for (const { name, bytes } of executableSections(path)) {
      const { insns } = decodeX86(bytes);
      let next = 0;
      for (let i = 0; i < insns.length; i++) {
        assert.equal(insns.offset[i], next, "every byte belongs to one row");
        next += insns.size[i] as number;
        if (insns.kind[i] === KIND_UNKNOWN || ((insns.flags[i] as number) & FLAG_INVALID) !== 0) {
          odd.push(`${path} ${name}+0x${(insns.offset[i] as number).toString(16)}`);
        }
      }
      assert.equal(next, bytes.length);
    }
  }
  assert.deepEqual(odd, []);
});

test("every tolerance still has its reason: the other disassembler still disagrees on its example", () => {
  const folder = mkdtempSync(join(tmpdir(), "objreview-decode-"));
  try {
    for (const { name, example } of capstoneTolerances) {
      const bytes = Uint8Array.from(example.split(" "), (byte) => parseInt(byte, 16));
      assert.notEqual(decodeX86(bytes).insns.size[0], capstone.sweep(bytes).size[0], name);
    }
    for (const { name, example } of objdumpTolerances) {
      const bytes = Uint8Array.from(example.split(" "), (byte) => parseInt(byte, 16));
      const path = join(folder, "example.bin");
      writeFileSync(path, bytes);
      const theirs = disassemble(["-D", "-b", "binary", "-m", "i386:x86-64", path])[0]?.[0];
      assert.notEqual(decodeX86(bytes).insns.size[0], theirs?.size[0], name);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
