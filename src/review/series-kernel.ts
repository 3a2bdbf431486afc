import type { TreeFacts } from "../analyze/analyze-object.ts";
import { FormatError } from "../base/errors.ts";
import { KernelIndex, VMLINUX } from "../facts/kernel-index.ts";
import type { ObjectFacts } from "../facts/object-facts.ts";
import { summarize, summarizeOptions } from "../facts/summarize.ts";
import { unitOptions } from "../facts/unit.ts";
import type { KernelFormats } from "../flow/formats.ts";
import type { Outside } from "../flow/outside.ts";
import type { AffectedObject } from "../kernel/affected.ts";
import type { BuildResult, BuiltObject } from "../kernel/build.ts";
import { openFileSource } from "../kernel/file-source.ts";
import type { BaseIndex } from "./base-index.ts";
import { digestCode } from "./judge.ts";

// What is known of the whole kernel in each state of a series: the index of a base, with the facts of the objects that were built in that state
// in the place of its own.

export interface Summary {
  /** Digest of the code. */
  readonly code: string;
  readonly facts: ObjectFacts;
}

/** The facts of what was built of one state, under the names that the head has for the objects. */
export type StateFacts = ReadonlyMap<string, Summary>;

/**
 * Kernels of an index, by its units and what the tree says (tree-facts.ts has one value for equal files): to work one out takes a tenth of a
 * second, and a worker has the same for one series after the other.
 */
const plainKernels = new WeakMap<BaseIndex["units"], Map<TreeFacts, KernelIndex>>();
const KEPT_KERNELS = 2;

export class SeriesKernel {
  readonly #index: BaseIndex;
  /** Formats of a state's tree -> file of an object -> what it says. */
  readonly #known = new Map<KernelFormats | undefined, Map<string, Summary>>();

  constructor(index: BaseIndex) {
    this.#index = index;
  }

  get isWhole(): boolean {
    return this.#index.isWhole;
  }

  /** By the formats of the state's own tree. Objects that cannot be read have no facts. */
  summarize(result: BuildResult, lists: TreeFacts): StateFacts {
    const facts = new Map<string, Summary>();
    for (const [object, built] of result.built) {
      const summary = this.#summarizeOne(built, lists.formats);
      if (summary !== undefined) facts.set(object, summary);
    }
    return facts;
  }

  /** The kernel of the base: the index, and what was built of the base itself where that differs. */
  ofBase(lists: TreeFacts, objects: readonly AffectedObject[], base: StateFacts): KernelIndex {
    let kernel = this.#plainKernel(lists);
    for (const item of objects) {
      const summary = base.get(item.object);
      if (item.baseObject === undefined || summary === undefined) continue;
      if (this.#index.codeOf.get(item.baseObject) !== summary.code)
        kernel = kernel.replace(item.baseObject, summary.facts, unitOf(item));
    }
    return kernel;
  }

  /** The kernel of a state of the series. `of` gives what an object is there; undefined where it does not exist or could not be built. */
  ofState(
    lists: TreeFacts,
    objects: readonly AffectedObject[],
    base: StateFacts,
    of: (item: AffectedObject) => Summary | undefined,
  ): KernelIndex {
    let kernel = this.ofBase(lists, objects, base);
    for (const item of objects) {
      const { object, baseObject } = item;
      const summary = of(item);
      const before = base.get(object);
      if (baseObject !== undefined && (!item.inHead || baseObject !== object) && summary !== before)
        kernel = kernel.replace(baseObject, undefined);
      if (item.inHead && summary !== undefined && (baseObject !== object || before?.code !== summary.code))
        kernel = kernel.replace(object, summary.facts, unitOf(item));
    }
    return kernel;
  }

  /** What an object of the state can be told of the others. */
  outsideFor(kernel: KernelIndex, item: Pick<AffectedObject, "membership">, object: string): Outside {
    const outside = kernel.outsideFor(object, unitOf(item));
    return this.isWhole ? outside : inPart(outside);
  }

  #summarizeOne(built: BuiltObject, formats: KernelFormats | undefined): Summary | undefined {
    let ofFormats = this.#known.get(formats);
    if (ofFormats === undefined) {
      ofFormats = new Map();
      this.#known.set(formats, ofFormats);
    }
    const known = ofFormats.get(built.file);
    if (known !== undefined) return known;
    const source = openFileSource(built.file);
    try {
      const summary = { code: digestCode(source), facts: summarize(source, summarizeOptions(formats)) };
      ofFormats.set(built.file, summary);
      return summary;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return undefined;
    } finally {
      source.close();
    }
  }

  #plainKernel(lists: TreeFacts): KernelIndex {
    const { units } = this.#index;
    const kernels = plainKernels.get(units) ?? new Map<TreeFacts, KernelIndex>();
    plainKernels.set(units, kernels);
    const kernel = kernels.get(lists) ?? KernelIndex.open(units, unitOptions(lists));
    kernels.delete(lists);
    kernels.set(lists, kernel);
    for (const old of [...kernels.keys()].slice(0, -KEPT_KERNELS)) kernels.delete(old);
    return kernel;
  }
}

/** Of an index that lacks objects: what only all objects together can say is not known. */
export function inPart(outside: Outside): Outside {
  return {
    ...outside,
    isWhole: false,
    isOverridden: (symbol) => (outside.isOverridden(symbol) === true ? true : undefined),
    addressUses: () => undefined,
    slotTargets: () => undefined,
  };
}

function unitOf({ membership }: Pick<AffectedObject, "membership">): string {
  return membership.kind === "module" ? membership.module : VMLINUX;
}
