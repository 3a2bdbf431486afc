/**
 * Frees the memory of an array that grew into a larger one, at once: the collector of garbage sees a few words and lets the megabytes lie.
 * Nobody may look at it any more; it and every view of it have no elements then.
 */
export function release(array: ArrayBufferView<ArrayBuffer>): void {
  array.buffer.transfer(0);
}
