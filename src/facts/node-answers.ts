import type { Definition, Placed } from "./fact-store.ts";
import type { FunctionNode, ObjectFacts, WalkNode } from "./object-facts.ts";
import { BitGraph } from "./solve.ts";

// What nodes of objects answer once everything is known that they lead to, worked out for those that are asked for: a question costs what can be reached
// from it, and the facts of no other object are read.

export interface NodeGraph {
  nodesOf(facts: ObjectFacts): readonly (FunctionNode | WalkNode)[];
  /** The definition of a symbol that a node of its object stands for; undefined where what is known of the symbol depends on nothing else. */
  nodeDefinition(symbol: string): Definition | undefined;
  /** Bits of a symbol without such a definition. */
  otherBits(symbol: string): number;
}

export class NodeAnswers {
  readonly #graph: NodeGraph;
  /** Place of the object in the link -> bits of its nodes, as far as they are known. */
  readonly #known = new Map<number, Map<number, number>>();
  readonly #nodeOfRow = new Map<ObjectFacts, ReadonlyMap<number, number>>();

  constructor(graph: NodeGraph) {
    this.#graph = graph;
  }

  /** Bits of a definition that a node stands for. */
  bitsOf(definition: Definition): number {
    const node = this.#nodeOf(definition);
    return this.#knownOf(definition.order).get(node) ?? this.#solve(definition, node);
  }

  #knownOf(order: number): Map<number, number> {
    let known = this.#known.get(order);
    if (known === undefined) {
      known = new Map();
      this.#known.set(order, known);
    }
    return known;
  }

  /** The node that a definition enters by. */
  #nodeOf({ facts, row }: Definition): number {
    let nodes = this.#nodeOfRow.get(facts);
    if (nodes === undefined) {
      nodes = new Map(this.#graph.nodesOf(facts).flatMap(([rows], node) => rows.map((each) => [each, node] as const)));
      this.#nodeOfRow.set(facts, nodes);
    }
    return nodes.get(row) as number;
  }

  /** Everything that can be reached is solved with it: nothing outside of that can add to its bits. */
  #solve(from: Placed, node: number): number {
    const graph = new BitGraph();
    const reached: { readonly at: Placed; readonly node: number }[] = [];
    const numbers = new Map<number, Map<number, number>>();
    const numberOf = (at: Placed, each: number): number => {
      const inObject = numbers.get(at.order) ?? new Map<number, number>();
      numbers.set(at.order, inObject);
      let number = inObject.get(each);
      if (number === undefined) {
        number = graph.add(this.#graph.nodesOf(at.facts)[each]?.[3] ?? 0);
        inObject.set(each, number);
        reached.push({ at, node: each });
      }
      return number;
    };
    const leadTo = (number: number, at: Placed, to: number): void => {
      const known = this.#knownOf(at.order).get(to);
      if (known === undefined) graph.edge(number, numberOf(at, to));
      else graph.raise(number, known);
    };
    const first = numberOf(from, node);
    for (let i = 0; i < reached.length; i++) {
      const { at, node: each } = reached[i] as (typeof reached)[number];
      const number = numberOf(at, each);
      const [, names, inside] = this.#graph.nodesOf(at.facts)[each] as FunctionNode;
      for (const to of inside) leadTo(number, at, to);
      for (const name of names) {
        const symbol = at.facts.names[name] as string;
        const definition = this.#graph.nodeDefinition(symbol);
        if (definition === undefined) graph.raise(number, this.#graph.otherBits(symbol));
        else leadTo(number, definition, this.#nodeOf(definition));
      }
    }
    const bits = graph.solve();
    for (const { at, node: each } of reached) this.#knownOf(at.order).set(each, bits[numberOf(at, each)] as number);
    return bits[first] as number;
  }
}
