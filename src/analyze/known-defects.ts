import { type Compiler, compilerName, parseCompiler } from "../defects/compiler.ts";
import type { KnownDefect } from "../defects/defect.ts";
import { findDefect, isSeenIn } from "../defects/index.ts";
import type { Flow } from "../flow/flow.ts";
import type { Report, Rule } from "../rules/rule.ts";
import type { Compilers } from "./compilers.ts";

export interface KnownDefectsOptions {
  /** Tells the findings too that a known defect of the compiler explains. */
  readonly show?: boolean | undefined;
  /** First line of --version of the compiler that the build has, where there is a build: an object of another one has no known defects. */
  readonly compiler?: string | undefined;
}

/** Findings of one object that a known defect of its compiler explains. */
export interface ExplainedFindings {
  /** Its id: the page is src/defects/<id>.md. */
  readonly defect: string;
  /** "gcc 12.2.0": who compiled the functions. */
  readonly compiler: string;
  /** Findings that are not told for it. */
  readonly count: number;
  /** Every version of the compiler has it, in most functions. */
  readonly everywhere?: true;
}

/** Takes the reports of an object off that a known defect of its compiler explains, and counts them. */
export class DefectFilter {
  readonly #flow: Flow;
  readonly #compilers: Compilers;
  readonly #expected: Compiler | undefined;
  readonly #found = new Map<string, { defect: KnownDefect; compiler: Compiler; count: number }>();
  /** Compilers that the object names and the build does not. */
  readonly #others = new Set<string>();

  /** @param expected first line of --version of the compiler that the build has, where there is a build */
  constructor(flow: Flow, compilers: Compilers, expected: string | undefined) {
    this.#flow = flow;
    this.#compilers = compilers;
    this.#expected = expected === undefined ? undefined : parseCompiler(expected);
  }

  /** What of a report is to be told: itself, or the first of its further places that is not explained. It is counted where there is nothing left. */
  told(rule: Rule, report: Report): Report | undefined {
    const first = this.#explain(rule, report);
    if (first === undefined) return report;
    // They look alike for the most part.
    const shapes = new Set([report.shape]);
    for (const next of report.later ?? []) {
      const shape = next.shape();
      if (shapes.has(shape)) continue;
      shapes.add(shape);
      if (this.#explain(rule, { shape, at: next.at }) === undefined) return next.report();
    }
    const key = `${first.defect.id} ${compilerName(first.compiler)}`;
    const known = this.#found.get(key);
    if (known === undefined) this.#found.set(key, { ...first, count: 1 });
    else known.count++;
    return undefined;
  }

  #explain(
    rule: Rule,
    { shape, at }: Pick<Report, "shape" | "at">,
  ): { defect: KnownDefect; compiler: Compiler } | undefined {
    if (shape === undefined) return undefined;
    const { insns } = this.#flow.code;
    const compiler = this.#compilers.at(insns.section[at] as number, insns.offset[at] as number);
    const defect = compiler === undefined ? undefined : findDefect(compiler, rule.id, shape);
    if (compiler === undefined || defect === undefined) return undefined;
    // The assembler is none of the compilers that a build names.
    if (this.#expected !== undefined && compiler.family !== "gas" && !isSame(compiler, this.#expected)) {
      this.#others.add(compilerName(compiler));
      return undefined;
    }
    return { defect, compiler };
  }

  /** By defect, then compiler. */
  get explained(): ExplainedFindings[] {
    return this.#sorted.map(({ defect, compiler, count }) => ({
      defect: defect.id,
      compiler: compilerName(compiler),
      count,
      ...(defect.everywhere === undefined ? {} : { everywhere: true }),
    }));
  }

  /** One line for coverage for each. */
  notes(): {
    readonly kind: "known-defect" | "assumption";
    readonly why: string;
    readonly defect?: ExplainedFindings;
  }[] {
    const explained = this.#sorted.map(({ defect, compiler, count }, n) => {
      const findings = count === 1 ? "1 finding is" : `${count} findings are`;
      const untried = isSeenIn(defect, compiler)
        ? ""
        : `; it was seen in ${defect.seen.from} to ${defect.seen.to}, and this version was not tried`;
      return {
        kind: "known-defect" as const,
        why: `${findings} a known defect of ${compilerName(compiler)}: ${defectPage(defect)}${untried}`,
        defect: this.explained[n] as ExplainedFindings,
      };
    });
    const others = [...this.#others].map((name) => ({
      kind: "assumption" as const,
      why: `no known defect was taken off: it was compiled by ${name}, and the build's compiler is ${compilerName(this.#expected as Compiler)}`,
    }));
    return [...explained, ...others];
  }

  get #sorted() {
    return [...this.#found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
  }
}

/** Path in this repository. */
export function defectPage({ id }: KnownDefect): string {
  return `src/defects/${id}.md`;
}

function isSame(a: Compiler, b: Compiler): boolean {
  return compilerName(a) === compilerName(b);
}
