// What goes wrong at the n-th call: an error instead of the answer, a connection that is cut, or anything that a test does at that moment. Before the
// effect the call has not happened; after it, it has, and the caller does not know.

export interface Fault {
  /** Whether GitHub's state has changed by then. "before" when absent. */
  readonly when?: "before" | "after";
  /**
   * A status is answered with that status; "cut": the connection ends without an answer; "secondary": 403 with retry-after of a second;
   * a function is run, and then the connection is cut.
   */
  readonly how: number | "cut" | "secondary" | (() => void | Promise<void>);
  /** Which calls count; all when absent. */
  readonly of?: (call: { readonly operationId: string; readonly method: string }) => boolean;
  /** How many calls in a row; 1 when absent. */
  readonly times?: number;
}

export class Faults {
  readonly #planned: { readonly fault: Fault; left: number; times: number }[] = [];

  /** `n`: 1 is the next call. */
  plan(n: number, fault: Fault): void {
    this.#planned.push({ fault, left: n, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#planned.length = 0;
  }

  /** The fault of this call, if there is one; to be asked once a call. */
  take(call: { readonly operationId: string; readonly method: string }): Fault | undefined {
    let found: Fault | undefined;
    for (const each of [...this.#planned]) {
      if (each.fault.of !== undefined && !each.fault.of(call)) continue;
      each.left--;
      if (each.left > 0 || found !== undefined) continue;
      found = each.fault;
      each.times--;
      if (each.times <= 0) this.#planned.splice(this.#planned.indexOf(each), 1);
    }
    return found;
  }
}
