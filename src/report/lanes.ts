// Edges that run beside a column of boxes, each in a lane where no other runs over the same rows.

export interface Lane<T> {
  readonly item: T;
  /** 0 is the lane next to the column. */
  readonly lane: number;
}

/**
 * Gives each item a lane, short spans innermost; an item that would need more than `max` lanes is left out.
 * `span`: first and last row, in either order.
 */
export function placeInLanes<T>(items: readonly T[], span: (item: T) => [number, number], max: number): Lane<T>[] {
  const rows = (item: T): [number, number] => {
    const [a, b] = span(item);
    return a < b ? [a, b] : [b, a];
  };
  const length = (item: T) => rows(item)[1] - rows(item)[0];
  const taken: [number, number][][] = Array.from({ length: max }, () => []);
  return [...items]
    .sort((a, b) => length(a) - length(b))
    .flatMap((item) => {
      const [first, last] = rows(item);
      const lane = taken.findIndex((spans) => spans.every(([from, to]) => to < first || from > last));
      taken[lane]?.push([first, last]);
      return lane < 0 ? [] : [{ item, lane }];
    });
}
