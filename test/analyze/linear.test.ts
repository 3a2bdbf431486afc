import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnalyzeOptions } from "../../src/analyze/analyze-object.ts";
import { checksWithoutConfig } from "../../src/rules/checks.ts";
import { analyzeBytes, assembleText } from "../support/analyzed.ts";

// Work is linear in bytes: twice the input takes about twice the time, whatever the machine. The ratio of two sizes is held, not a time.

const FACTOR = 8;
/** Quadratic work would take FACTOR * FACTOR; a cache that overflows costs some of the difference. */
const MOST = FACTOR * 3;
/** Milliseconds below which a run says little. */
const LEAST = 5;

/** Processor time in milliseconds, the best of `runs`, collections of garbage included. */
function milliseconds(bytes: Uint8Array, runs: number, options: Partial<AnalyzeOptions>): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage();
    analyzeBytes(bytes, options);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

const promising = { checks: { ...checksWithoutConfig, landingPads: true, noinstr: true } };

const cases: {
  name: string;
  sizes: number;
  options?: Partial<AnalyzeOptions>;
  source: (size: number) => string;
}[] = [
  {
    name: "addresses inside of one function and calls out of another",
    sizes: 8_000,
    options: promising,
    source: (size) => `
FUNC pointed_into
	endbr64
	.rept	${size}
	nop
	.endr
	ret
END pointed_into
	.section .noinstr.text, "ax"
FUNC quiet
1:
	.rept	${size}
	INSTRUMENTATION_BEGIN
	testl	%edi, %edi
	je	1b
	INSTRUMENTATION_END
	call	pointed_into
	.endr
	ret
END quiet
	.data
	.set	i, 0
	.rept	${size}
	.quad	pointed_into + 4 + i
	.set	i, i + 1
	.endr`,
  },
  {
    name: "100,000 tiny functions",
    sizes: 100_000,
    source: (size) => `
	.altmacro
	.macro	TINY n
	.type	tiny_\\n, @function
tiny_\\n:
	pushq	%rbx
	popq	%rbx
	ret
	.size	tiny_\\n, . - tiny_\\n
	.endm
	.set	i, 0
	.rept	${size}
	TINY	%i
	.set	i, i + 1
	.endr`,
  },
  {
    name: "one function of 2 MB",
    sizes: 100_000,
    source: (size) => `
FUNC huge
	pushq	%rbx
	.rept	${size}
	testl	%edi, %edi
	je	1f
	call	elsewhere
	movl	%eax, 16(%rbx)
1:	incl	%edi
	leaq	8(%rbx), %rbx
	.endr
	popq	%rbx
	ret
END huge`,
  },
  {
    name: "a function with a finding in every block",
    sizes: 40_000,
    source: (size) => `
FUNC many
	.rept	${size}
	testl	%edi, %edi
	je	1f
	stac
	stac
	clac
	clac
	call	elsewhere
1:
	.endr
	ret
END many`,
  },
  {
    name: "a function with a switch of stacks in every line",
    sizes: 80_000,
    source: (size) => `
FUNC switches
	.rept	${size}
	movq	8(%rdi), %rsp
	.endr
	call	never_back
END switches`,
  },
  {
    name: "branches that all meet in one place with different frames",
    sizes: 20_000,
    source: (size) => `
FUNC meets
	.rept	${size}
	testl	%edi, %edi
	je	merge
	subq	$8, %rsp
	.endr
merge:	incl	%edi
	jmp	merge
END meets`,
  },
  {
    name: "alternatives, jump labels and exception-table entries",
    sizes: 16_000,
    source: (size) => `
FUNC patched
	.rept	${size}
	ALTERNATIVE "nopl (%rax)", "stac"
1:	movl	%esi, (%rdi)
	ALTERNATIVE "nopl (%rax)", "clac"
2:	nopl	0(%rax,%rax,1)
	JUMP_LABEL 2b, 3f
3:	incl	%eax
	EXTABLE	1b, 4f
	.endr
	ret
4:	ALTERNATIVE "nopl (%rax)", "clac"
	ret
END patched`,
  },
  {
    name: "functions with a jump table each",
    sizes: 16_000,
    source: (size) => `
	.altmacro
	.macro	TABLE n
	.type	switch_\\n, @function
switch_\\n:
	jmp	*table_\\n(,%rdi,8)
case_\\n: ret
	.size	switch_\\n, . - switch_\\n
	.pushsection .rodata
table_\\n: .quad case_\\n, case_\\n
	.popsection
	.endm
	.set	i, 0
	.rept	${size}
	TABLE	%i
	.set	i, i + 1
	.endr`,
  },
  {
    name: "functions that are nested in each other",
    sizes: 8_000,
    source: (size) => `
	.altmacro
	.macro	OPEN n
	.type	nested_\\n, @function
nested_\\n: nop
	.size	nested_\\n, end - nested_\\n
	.endm
	.set	i, 0
	.rept	${size}
	OPEN	%i
	.set	i, i + 1
	.endr
	ret
end:	nop`,
  },
  {
    name: "functions that overlap, each beginning inside the one before",
    sizes: 32_000,
    source: (size) => numbered(size, "over", "nop\n\tincl\t%eax\n\tret", "200"),
  },
  {
    name: "functions without a size and with a giant one, in turn",
    sizes: 32_000,
    source: (size) => numbered(size, "odd", "incl\t%eax\n\tret", "(\\n & 1) * 0x7fffffff"),
  },
  {
    name: "functions that jump to each other in one circle",
    sizes: 32_000,
    source: (size) => `
	.globl	ring_${size}
	.set	ring_${size}, ring_0
${numbered(size, "ring", "jmp\tring_\\m", "5")}`,
  },
  {
    name: "jump tables and annotations that point outside of the code",
    sizes: 16_000,
    source: (size) => `
FUNC outside
	.rept	${size}
	jmp	*9f(,%rdi,8)
1:	incl	%eax
	.pushsection .rodata
9:	.quad	outside + 0x7ffffff0, 1b, outside - 64, .rodata + 0x10000
	.popsection
	.pushsection .discard.retpoline_safe
	.long	1b + 0x1000000 - .
	.popsection
	EXTABLE	1b+0x7000000, 1b-0x7000000
	.endr
	ret
END outside`,
  },
];

/** Assembly functions of one body, called name_0, name_1 ...; in the body \\n is the number and \\m the next one. */
function numbered(count: number, name: string, body: string, size: string): string {
  return `
	.altmacro
	.macro	NUMBERED n, m
	.globl	${name}_\\n
	.type	${name}_\\n, @function
${name}_\\n:
	${body}
	.size	${name}_\\n, ${size}
	.endm
	.set	i, 0
	.rept	${count}
	.set	j, i + 1
	NUMBERED %i, %j
	.set	i, i + 1
	.endr`;
}

for (const { name, sizes, source, options = {} } of cases) {
  test(`linear work: ${name}`, (t) => {
    const small = assembleText(source(sizes / FACTOR));
    const large = assembleText(source(sizes));
    milliseconds(small, 2, options); // the compiler of the code under test has to warm up
    const first = milliseconds(small, 3, options);
    let second = milliseconds(large, 1, options);
    // One collection of garbage may double a single run; what is not linear stays so in more of them.
    if (second >= MOST * Math.max(first, LEAST)) second = Math.min(second, milliseconds(large, 4, options));
    t.diagnostic(
      `${small.length} bytes ${first.toFixed(0)} ms, ${large.length} bytes ${second.toFixed(0)} ms: ${(second / first).toFixed(1)}`,
    );
    assert.ok(
      second < MOST * Math.max(first, LEAST),
      `${FACTOR} times the input took ${(second / first).toFixed(1)} times`,
    );
    assert.ok(second < 20_000, `${second} ms`);
  });
}
