/** An answer that is no success, as the API words it. */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: readonly unknown[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    more: { readonly errors?: readonly unknown[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.errors = more.errors;
    this.headers = more.headers ?? {};
  }
}

export const notFound = (): ApiError => new ApiError(404, "Not Found");

/** 422 with one sentence: what GitHub answers for a value that is of the right type and still no good. */
export function unprocessable(error: unknown): ApiError {
  return new ApiError(422, "Validation Failed", { errors: [error] });
}
